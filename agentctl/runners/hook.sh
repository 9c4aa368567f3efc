#!/bin/sh
# Leaves one signal of an agent's program: hook.sh EVENT [PAYLOAD]; without PAYLOAD it is read from stdin.
#
# Appends {"kind":EVENT,"payload":PAYLOAD} to $AGENTCTL_RUN/signals/$AGENTCTL_GENERATION.jsonl as one line in one write,
# so that the lines of many hooks at once stay whole. Says nothing, fails never, and waits for nothing but its input: a
# program must not notice it. One process below a small shell, three for a long payload; no Python, which would cost ten
# times as much.

exec 2>/dev/null
trap 'exit 0' 0
umask 077
LC_ALL=C
export LC_ALL

event=${1-}
case $event in '' | [!A-Za-z]* | *[!A-Za-z0-9_.:-]*) exit 0 ;; esac
[ ${#event} -le 64 ] || exit 0
case ${AGENTCTL_GENERATION-} in '' | 0* | *[!0-9]*) exit 0 ;; esac
folder=${AGENTCTL_RUN-}/signals
file=$folder/$AGENTCTL_GENERATION.jsonl

# Read in any case: a program whose pipe is closed early may take that for a failure. What is no character of JSON goes,
# line feeds with it.
if [ $# -ge 2 ]; then
    payload=$(printf %s "$2" | tr -d '\000-\037')
elif [ -t 0 ]; then
    payload=
else
    payload=$(tr -d '\000-\037')
fi

# A line holds 64 KiB. Whether all of it is JSON is for the reader to see.
[ ${#payload} -le 65000 ] || payload=
case $payload in '{'*'}') ;; *) payload=null ;; esac

# A link or a pipe in our place is not ours: the one leads out of the folder, the other would wait for a reader.
[ "$folder" != /signals ] && [ -d "$folder" ] && [ ! -h "$folder" ] || exit 0
[ ! -h "$file" ] && { [ -f "$file" ] || [ ! -e "$file" ]; } || exit 0
line="{\"kind\":\"$event\",\"payload\":$payload}"
if [ ${#line} -lt 4000 ]; then
    printf '%s\n' "$line" >>"$file" # fits the buffer of any shell, so it is one write
else
    printf '%s\n' "$line" | dd ibs=65536 obs=131072 >>"$file"
fi
exit 0
