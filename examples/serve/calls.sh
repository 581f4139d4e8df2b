#!/bin/sh
# The API of `imgae serve` by curl: calls.sh PICTURE FOLDER
#
# Writes denoised, filled.png, mask.png and all.zip to FOLDER. The address is that of IMGAE_SERVER, or
# http://127.0.0.1:8765; a server that is not on this machine wants the token in IMGAE_TOKEN, too.
set -eu
picture=$1
folder=$2
server=${IMGAE_SERVER:-http://127.0.0.1:8765}
call() { curl --silent --show-error --fail-with-body ${IMGAE_TOKEN:+-H "Authorization: Bearer $IMGAE_TOKEN"} "$@"; }

call "$server/healthz"
echo

# One call: a picture goes in, and the denoised picture comes out, in the same format. Other fields
# have the names of the options of `imgae denoise`.
call -F "image=@$picture" -F strength=0.8 -o "$folder/denoised" "$server/v1/denoise"

# Strokes in place of a mask: a line with a brush of 12 pixels, and a box.
strokes='[{"tool": "brush", "size": 12, "points": [[10, 10], [40, 30]]},
          {"tool": "box", "box": [50, 8, 10, 12]}]'
call -F "image=@$picture" -F "strokes=$strokes" -F format=png -o "$folder/filled.png" "$server/v1/inpaint"
call -F "image=@$picture" -F "strokes=$strokes" -o "$folder/mask.png" "$server/v1/mask"

# What is sent once can be used often: the answer holds an id.
field() { sed "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/"; }
id=$(call -F "image=@$picture" "$server/v1/pictures" | field id)

# Long work as a job: it goes on while the events tell how far it is, and ends with its last state.
job=$(call -H "Prefer: respond-async" -F "picture=$id" "$server/v1/denoise" | field id)
call --no-buffer "$server/v1/jobs/$job/events"
call -H "Content-Type: application/json" -d "{\"jobs\": [\"$job\"]}" -o "$folder/all.zip" "$server/v1/archive"
call -X DELETE "$server/v1/jobs/$job" # of a job that still runs, this is how to cancel it
call -X DELETE "$server/v1/pictures/$id"
