import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgae.picture.tiling import Box, TilePlan, least_side, plan_within, round_up

sizes = st.integers(1, 300)
plans = st.builds(
    TilePlan,
    height=sizes,
    width=sizes,
    tile_height=st.integers(0, 90),
    tile_width=st.integers(0, 90),
    halo=st.integers(0, 50),
    stride=st.sampled_from([1, 2, 3, 8]),
)


@given(plans)
def test_keep_boxes_cover_every_pixel_exactly_once(plan):
    count = np.zeros((plan.height, plan.width), int)
    for tile in plan:
        count[tile.keep.slices] += 1
    assert (count == 1).all()


@given(plans)
def test_tiles_are_read_from_the_stride_with_their_halo(plan):
    for read, keep in plan:
        assert read.top % plan.stride == read.left % plan.stride == 0
        assert read.bottom % plan.stride == 0 or read.bottom == plan.height
        assert read.right % plan.stride == 0 or read.right == plan.width
        assert read.top == 0 or keep.top - read.top >= plan.halo
        assert read.right == plan.width or read.right - keep.right >= plan.halo


@given(plans)
def test_length_and_cost_are_what_the_tiles_add_up_to(plan):
    assert len(plan) == len(list(plan))
    assert plan.pixels_read == sum(tile.read.area for tile in plan)


def test_tile_size_is_rounded_up_to_the_stride():
    assert {tile.keep.bottom - tile.keep.top for tile in TilePlan(64, 64, 1, 0, 0, 8)} == {8}


limits = given(sizes, sizes, st.integers(0, 40), st.sampled_from([1, 8]), st.integers(0, 90_000))


@limits
def test_no_tile_is_above_the_limit_unless_it_is_of_the_least_size(
    height, width, halo, stride, most
):
    plan = plan_within(height, width, halo, stride, most)
    largest = max(tile.read.area for tile in plan)
    side, around = least_side(halo, stride), 2 * round_up(halo, stride)
    assert largest <= max(most, (side + around) ** 2)


@limits
def test_however_low_the_limit_pixels_are_read_four_times_at_most(
    height, width, halo, stride, most
):
    plan = plan_within(height, width, halo, stride, most)
    assert plan.pixels_read <= 4 * height * width


@pytest.mark.parametrize("halo", [0, 96, 304])
def test_no_memory_makes_no_crawl(halo):
    plan = plan_within(3000, 4000, halo, 8, 0)
    assert plan.pixels_read <= 4 * 3000 * 4000
    assert len(plan) <= 24 * 32


@pytest.mark.parametrize(("height", "width", "bands"), [(4000, 1000, True), (3000, 4000, False)])
def test_bands_or_blocks_are_taken_whichever_reads_less(height, width, bands):
    plan = plan_within(height, width, 96, 8, 2_000_000)
    assert (plan.tile_width >= width) == bands
    full_width = (2_000_000 // width - 192) // 8 * 8
    assert plan.pixels_read <= TilePlan(height, width, full_width, 0, 96, 8).pixels_read
    assert plan.pixels_read <= TilePlan(height, width, 1200, 1200, 96, 8).pixels_read


def test_a_picture_that_fits_is_one_tile():
    assert next(iter(plan_within(30, 40, 96, 8, 1200))).keep == Box(0, 0, 30, 40)


@pytest.mark.parametrize("wrong", [{"height": 0}, {"stride": 0}, {"halo": -1}, {"tile_width": -8}])
def test_impossible_plans_are_refused(wrong):
    right = {"height": 9, "width": 9, "tile_height": 0, "tile_width": 0, "halo": 0, "stride": 1}
    with pytest.raises(ValueError, match="a plan needs"):
        TilePlan(**(right | wrong))


@given(plans)
def test_bands_hold_the_tiles_in_their_order_and_read_the_same_rows(plan):
    bands = list(plan.bands())
    assert [tile for band in bands for tile in band] == list(plan)
    for band in bands:
        assert len({(tile.read.top, tile.read.bottom) for tile in band}) == 1


@given(plans)
def test_halves_keep_what_a_tile_keeps_and_read_from_the_stride(plan):
    tile = next(iter(plan))
    halves = plan.halves(tile)
    assert bool(halves) == (len(halves) == 2)
    if not halves:
        assert min(tile.keep.area, max(tile.keep.bottom, tile.keep.right)) < 64 + plan.stride
        return
    assert sum(half.keep.area for half in halves) == tile.keep.area
    for half in halves:
        assert half.keep.area < tile.keep.area
        assert half.read.top % plan.stride == half.read.left % plan.stride == 0
        assert half.read == plan.around(half.keep)


@limits
def test_a_plan_reads_no_more_rows_than_it_may(height, width, halo, stride, most):
    rows = 100
    plan = plan_within(height, width, halo, stride, most, rows)
    least = least_side(halo, stride) + 2 * round_up(halo, stride)
    assert max(tile.read.bottom - tile.read.top for tile in plan) <= max(rows, least)
