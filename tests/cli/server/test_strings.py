"""The texts of the page: the same in both languages, and each in use."""

import json
import re
import shutil
import subprocess

import pytest
from documents import ROOT

STATIC = ROOT / "imgae" / "cli" / "server" / "static"
SHOW = "import(process.argv[1]).then(({ en, zh }) => console.log(JSON.stringify({ en, zh })))"
