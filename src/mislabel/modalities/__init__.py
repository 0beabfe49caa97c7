"""What an input is: texts, images and features, each in a folder of its own."""

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_IMAGE_ENCODER = "microsoft/resnet-50"
