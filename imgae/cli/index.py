"""`imgae index`."""

import argparse
from collections.abc import Callable

from imgae.cli.files import named
from imgae.cli.options import Commands, add_device, between, new_parser, whole
from imgae.restore.search.threshold import THRESHOLD

MORE = """\
An index is one file that holds a short vector for each picture of a collection, and its path.
Pictures that look alike have similar vectors, also where one is noisy, cut, smaller, mirrored or
saved again. Pictures are not copied into it, and nothing leaves this computer.

Examples:
  imgae index build photos/ -o photos.index
  imgae index search photos.index query.jpg -k 5 --sheet hits.png
  imgae index duplicates photos.index
"""
BUILD = """\
Folders are searched with all folders in them. If the index exists and was made by the same model,
pictures whose files are unchanged are not read again. All that it holds besides, also what
`imgae index add` brought from elsewhere, is dropped, and the summary says how many. Where a FOLDER
holds no pictures now but the index has some of it, nothing is changed: a disk may be missing.

If the work is interrupted, an index that was there stays as it was, and the same command goes on
where it stopped: INDEX.part holds what is done until then.

Pictures below the folder of the index are stored relative to it, so that a collection can be moved
with its index.
"""
CODES = """\
Exit codes:
  0    all done
  1    no picture was found, or none is left for the index, or the work could
       not start; nothing is changed
  2    the command line is wrong
  3    some pictures were left out
  130  interrupted
"""
BUILD_KEYS = f"""\
Keys of --json:
  index
  pictures   how many it holds
  described  how many of them were new or changed
  dropped    how many it held before and holds no longer
  left_out   how many could not be read
  seconds

{CODES}"""
NAMES = """\
A line is SCORE<TAB>PATH, the best first. The score is from -1 to 1, and 1 is the same. A path is
relative to the working directory if it lies below it. One that holds a tab, a line break or another
control character is written as a shell reads it: $'a\\tb.png'.
"""
SEARCH_KEYS = """\
Keys of --json, one object a hit:
  score, path
"""
DUPLICATES_KEYS = """\
Keys of --json, one object a group:
  group      its number, from 1
  pictures   a list of objects with score and path
"""
DUPLICATES = f"""\
Prints groups of pictures that are nearly the same, with an empty line between groups. The first of
a group is its largest picture. The score of the others is how near they are to that one.

{NAMES}"""
REMOVE = """\
Takes pictures out of the index; the files need not be there, and stay as they are. A path, a folder
or a pattern in quotes is looked for as seen from the working directory, and then as seen from the
folder of the index. If one of them is not in the index, nothing is changed.
"""


def add_parser(commands: Commands) -> None:
    index = new_parser(commands, "index", "Find pictures that look alike.", MORE)
    actions = index.add_subparsers(metavar="ACTION", required=True)
    add_build(actions)
    add_add(actions)
    add_remove(actions)
    add_search(actions)
    add_duplicates(actions)


def add_build(actions: Commands) -> None:
    parser = new_parser(actions, "build", "Make an index of pictures.", BUILD, BUILD_KEYS)
    add = parser.add_argument
    add("inputs", nargs="+", type=named, metavar="FOLDER", help="a folder, a picture or a pattern")
    add("-o", "--output", type=named, required=True, metavar="INDEX", help="the file to write")
    add_model(parser)
    add_printing(parser)
    parser.set_defaults(run=later("build"), parser=parser)


def add_add(actions: Commands) -> None:
    more = "Pictures that are in the index and unchanged are not read again."
    parser = new_parser(actions, "add", "Add pictures to an index.", more, BUILD_KEYS)
    add_index(parser)
    parser.add_argument(
        "inputs", nargs="+", type=named, metavar="PATH", help="a picture, a folder or a pattern"
    )
    add_model(parser)
    add_printing(parser)
    parser.set_defaults(run=later("add"), parser=parser)


def add_remove(actions: Commands) -> None:
    parser = new_parser(actions, "remove", "Take pictures out of an index.", REMOVE)
    add_index(parser)
    parser.add_argument(
        "inputs", nargs="+", type=named, metavar="PATH", help="a path, a folder or a pattern"
    )
    parser.add_argument("--quiet", action="store_true", help="print no summary")
    parser.set_defaults(run=later("remove"), parser=parser)


def add_search(actions: Commands) -> None:
    parser = new_parser(
        actions, "search", "Find the pictures that look most like one.", NAMES, SEARCH_KEYS
    )
    add_index(parser)
    add = parser.add_argument
    add("picture", type=named, metavar="PICTURE", help="a picture file, or - for standard input")
    add("-k", type=whole(1), default=10, metavar="N", help="how many to print (default: 10)")
    add_model(parser)
    add_results(parser, "the picture and what was found")
    parser.set_defaults(run=later("search"), parser=parser)


def add_duplicates(actions: Commands) -> None:
    parser = new_parser(
        actions, "duplicates", "Find pictures that are nearly the same.", DUPLICATES,
        DUPLICATES_KEYS,
    )  # fmt: skip
    add_index(parser)
    parser.add_argument(
        "--threshold",
        type=between(0.01, 1),
        default=THRESHOLD,
        metavar="0.01..1",
        help=f"the least score of a picture to the first of its group (default: {THRESHOLD})",
    )
    add_results(parser, "the groups")
    parser.set_defaults(run=later("duplicates"), parser=parser)


def add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("index", type=named, metavar="INDEX", help="the file of the index")


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="the model that describes pictures: a name that `imgae models` lists, or an .onnx "
        "file; all pictures of an index are described by one",
    )
    add_device(parser)


def add_printing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object at the end")
    add("--quiet", action="store_true", help="print no progress and no summary")


def add_results(parser: argparse.ArgumentParser, what: str) -> None:
    add = parser.add_argument
    add("--json", action="store_true", help="print JSON objects, one a line")
    add("--sheet", type=named, metavar="FILE", help=f"also draw {what} on a sheet, a picture file")
    add("--overwrite", action="store_true", help="replace the sheet's file if it exists")


def later(name: str) -> Callable[[argparse.Namespace], int]:
    """Return what runs an action, and loads what it needs only then."""

    def run(options: argparse.Namespace) -> int:
        from imgae.cli import indexing
        from imgae.io.libraries import prepare_libraries

        prepare_libraries()
        return indexing.ACTIONS[name](options)

    return run
