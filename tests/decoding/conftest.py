"""Makers of real media."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from made_media import image_bytes, make_sound, make_video


@pytest.fixture(scope="session")
def video_maker() -> Callable:
    return make_video


@pytest.fixture(scope="session")
def sound_maker() -> Callable:
    return make_sound


@pytest.fixture(scope="session")
def image_maker() -> Callable:
    return image_bytes
