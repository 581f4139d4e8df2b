from imgae.io.metadata import photoshop


def test_resources_are_read_as_far_as_they_are_whole():
    made = photoshop.resource(photoshop.IPTC, b"abc") + photoshop.resource(1005, b"defg")
    resources, whole = photoshop.parse(made + b"\0")
    assert whole
    assert photoshop.first_of_each(resources) == {photoshop.IPTC: b"abc", 1005: b"defg"}
    assert b"".join(resource.block for resource in resources) == made
    resources, whole = photoshop.parse(made[:-1])
    assert not whole
    assert [resource.data for resource in resources] == [b"abc"]


def test_of_resources_with_the_same_number_the_first_counts():
    twice = photoshop.resource(1060, b"first") + photoshop.resource(1060, b"second")
    assert photoshop.first_of_each(photoshop.parse(twice)[0]) == {1060: b"first"}


def test_no_more_resources_are_read_than_sound_files_have():
    resources, whole = photoshop.parse(photoshop.resource(1, b"") * (photoshop.MOST + 1))
    assert (len(resources), whole) == (photoshop.MOST, False)


def test_a_resolution_is_read_as_it_was_written():
    made = photoshop.parse(photoshop.resolution((300, 72.5)))[0][0]
    assert photoshop.read_resolution(made.data) == (300, 72.5)
