"""Pure parts of the detectors, and pictures made to try their limits."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from rekognition_local.contents import SeenLabel, labels_seen, with_parents
from rekognition_local.images import Picture, decode
from rekognition_local.vision.colors import find_colors, find_foreground
from rekognition_local.vision.css_colors import CSS_COLORS
from rekognition_local.vision.geometry import Box, Sighting, confidence_of_votes
from rekognition_local.vision.people import find_people
from rekognition_local.vision.quality import measure
from rekognition_local.vision.scene import find_scene, text_lines
from rekognition_local.vocabulary import LABELS
from tests.rekognition_local.pictures import SAMPLES, encoded

# All of label model 3.0, as lists in public programs have them.
CATEGORIES = set(
    """
    Actions; Animals and Pets; Apparel and Accessories; Beauty and Personal Care; Buildings and Architecture;
    Colors and Visual Composition; Damage Detection; Education; Events and Attractions; Everyday Objects;
    Expressions and Emotions; Food and Beverage; Furniture and Furnishings; Health and Fitness; Hobbies and
    Interests; Home and Indoors; Home Appliances; Kitchen and Dining; Materials; Medical; Nature and Outdoors;
    Offices and Workspaces; Patterns and Shapes; Performing Arts; Person Description; Plants and Flowers; Popular
    Landmarks; Profession; Public Safety; Religion; Sports; Symbols and Flags; Technology and Computing; Text and
    Documents; Tools and Machinery; Toys and Gaming; Transport and Logistics; Travel and Adventure; Vehicles and
    Automotive; Weapons and Military
    """.replace("\n    ", " ")
    .strip()
    .split("; ")
)


def picture_of(image: Image.Image) -> Picture:
    """Return an image as the detectors get it."""
    return decode(encoded(image.convert("RGB")))


def photograph(name: str) -> Image.Image:
    """Return a photograph of samples/."""
    with Image.open(SAMPLES / name) as image:
        return image.convert("RGB")


def cues(image: Image.Image) -> dict[str, float]:
    """Return the scene cues of an image by name."""
    return {cue.name: cue.confidence for cue in find_scene(picture_of(image))}


def landscape(sky: str = "#5f9ee0") -> Image.Image:
    """Return a painted landscape: plain sky over noisy ground."""
    image = Image.new("RGB", (320, 240), sky)
    ground = Image.merge("RGB", [Image.effect_noise((320, 100), 60) for _ in range(3)])
    image.paste(ground, (0, 140))
    return image


def test_boxes_are_cut_at_the_edges() -> None:
    box = Box.from_pixels((-10, 50, 60, 100), 100, 100)

    assert (box.left, box.top, box.width, box.height) == pytest.approx((0, 0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        (Box(0, 0, 0.5, 0.5), 1.0),
        (Box(0.25, 0, 0.5, 0.5), 1 / 3),
        (Box(0.5, 0.5, 0.5, 0.5), 0.0),
        (Box(0, 0, 0, 0), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(other: Box, overlap: float) -> None:
    assert Box(0, 0, 0.5, 0.5).overlap(other) == pytest.approx(overlap)


def test_more_votes_mean_more_confidence_but_never_certainty() -> None:
    rising = [confidence_of_votes(votes) for votes in (0, 5, 12, 40, 400)]

    assert rising == sorted(rising)
    assert rising[0] == 50
    assert rising[-1] <= 99.5


def test_has_all_139_css_colours_in_twelve_families() -> None:
    assert len({color.name for color in CSS_COLORS}) == 139
    assert len({color.family for color in CSS_COLORS}) == 12


@pytest.mark.parametrize(
    "color", [color for color in CSS_COLORS if color.name in ("red", "teal", "darkslategrey", "tan")]
)
def test_finds_the_css_colour_of_plain_pixels(color: object) -> None:
    assert hasattr(color, "red")
    pixels = np.full((50, 60, 3), (color.red, color.green, color.blue), dtype=np.uint8)  # type: ignore[attr-defined]

    (color_share,) = find_colors(pixels)

    assert color_share.color == color
    assert color_share.percent == 100


def test_colours_are_counted_by_area() -> None:
    pixels = np.zeros((100, 100, 3), dtype=np.uint8)
    pixels[:75] = (255, 0, 0)

    red, black = find_colors(pixels)

    assert (red.color.name, black.color.name) == ("red", "black")
    assert red.percent == pytest.approx(75, abs=2)


def test_foreground_is_what_has_a_box_or_the_middle() -> None:
    pixels = np.zeros((100, 100, 3), dtype=np.uint8)

    boxed = find_foreground(pixels, [Box(0, 0, 0.2, 0.5)])
    middle = find_foreground(pixels, [])

    assert boxed.mean() == pytest.approx(0.1)
    assert boxed[0, 0]
    assert middle.mean() == pytest.approx(0.49)
    assert not middle[0, 0]


def test_quality_orders_pictures() -> None:
    sharp = photograph("temple.jpg")
    blurred = measure(picture_of(sharp.filter(ImageFilter.GaussianBlur(4))).pixels)
    dark = measure(picture_of(sharp.point(lambda value: value // 3)).pixels)
    flat = measure(picture_of(ImageOps.autocontrast(sharp).point(lambda value: 100 + value // 5)).pixels)
    whole = measure(picture_of(sharp).pixels)

    assert blurred.sharpness < whole.sharpness - 20
    assert dark.brightness < whole.brightness - 20
    assert flat.contrast < whole.contrast - 20
    assert all(0 <= value <= 100 for value in (whole.brightness, whole.sharpness, whole.contrast))


@pytest.mark.parametrize("sky", ["#5f9ee0", "#c8dcf5", "#3a5f9a"])
def test_sees_a_sky_over_rough_ground(sky: str) -> None:
    assert "Sky" in cues(landscape(sky))


@pytest.mark.parametrize(
    "image",
    [
        landscape("#b08050"),
        landscape("#808080"),
        ImageOps.flip(landscape()),
        Image.new("RGB", (320, 240), "#5f9ee0"),
    ],
    ids=["brown", "grey", "below", "nothing else"],
)
def test_sees_no_sky_in_other_areas(image: Image.Image) -> None:
    assert "Sky" not in cues(image)


def test_painted_green_is_no_plant() -> None:
    image = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(image).rectangle((20, 20, 300, 220), fill="green")

    assert "Plant" not in cues(image)


def test_groups_letters_into_lines() -> None:
    first = [(10 + 12 * i, 20, 8, 12) for i in range(6)]
    second = [(10 + 12 * i, 60, 8, 12) for i in range(5)]
    lonely = [(300, 20, 8, 12), (10, 150, 8, 12)]
    tall = [(90, 5, 30, 80)]

    lines = text_lines([*second, *first, *lonely, *tall])

    assert sorted(len(line) for line in lines) == [5, 6]


@pytest.mark.parametrize("name", ["coffee.jpg", "flower.jpg", "temple.jpg", "rocket.jpg", "astronaut.jpg", "cat.png"])
def test_sees_no_body_where_none_is(name: str) -> None:
    assert find_people(picture_of(photograph(name))) == []


def test_a_label_has_its_best_confidence_and_its_parents_are_as_sure() -> None:
    labels = [
        SeenLabel("Sky", 70, parents=("Outdoors",)),
        SeenLabel("Sky", 80, parents=("Outdoors",)),
        SeenLabel("Outdoors", 60),
    ]

    confidences = {label.name: label.confidence for label in with_parents(labels)}

    assert confidences == {"Sky": 80, "Outdoors": 80}


def test_counts_persons_by_bodies_and_by_faces_without_a_body() -> None:
    bodies = [Sighting(Box(0.1, 0.1, 0.2, 0.8), 80.0), Sighting(Box(0.7, 0.1, 0.2, 0.8), 70.0)]

    by_name = {label.name: label for label in labels_seen([], bodies, [], [], [])}

    assert len(by_name["Person"].instances) == 2
    assert by_name["Person"].confidence == 80
    assert by_name["People"].confidence == 70
    assert "Face" not in by_name


def test_a_label_has_all_its_ancestors_and_a_category_of_the_service() -> None:
    assert LABELS["Beagle"].parents == ("Animal", "Canine", "Dog", "Hound", "Mammal", "Pet")
    assert LABELS["Mobile Phone"].aliases == ("Cell Phone",)
    assert {entry.category for entry in LABELS.values()} <= CATEGORIES
