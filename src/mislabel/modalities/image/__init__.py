"""Images: files, encoded bytes or pixels, every one of them opened and decoded once at the door."""

from mislabel.modalities.image.files import read_image_folder
from mislabel.modalities.image.images import Images, check_images

__all__ = ["Images", "check_images", "read_image_folder"]
