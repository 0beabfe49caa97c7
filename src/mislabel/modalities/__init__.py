"""Texts, images and features: a folder each, behind one object."""

from mislabel.modalities.base import Modality, Source, Words
from mislabel.modalities.registry import modality, modality_names, register, unusable_modalities

__all__ = ["Modality", "Source", "Words", "modality", "modality_names", "register", "unusable_modalities"]
