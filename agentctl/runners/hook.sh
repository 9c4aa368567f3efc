#!/bin/sh
# Leaves one signal of an agent's program: hook.sh [--pulse] EVENT [PAYLOAD]; without PAYLOAD it is read from stdin.
#
# Appends {"kind":EVENT,"payload":PAYLOAD} to $AGENTCTL_RUN/signals/$AGENTCTL_GENERATION.jsonl as one line in one write,
# so that the lines of many hooks at once stay whole. Says nothing, fails never, and waits for nothing but its input: a
# program must not notice it. One process below a small shell, three for a long payload; no Python, which would cost ten
# times as much.
#
# With --pulse its program waits for it before a tool call, and it holds the call until the agent's pulse has passed since
# the one before. The line then says for how long ("waited_ms"), and how long after the one before it the call goes on
# ("since_ms"). Whatever goes wrong with that, the call goes on. A call that need not wait starts no further process.

exec 2>/dev/null
trap 'exit 0' 0
umask 077
LC_ALL=C
export LC_ALL

most=2500 # hundredths of a second that a call is held at most: the manifests let programs give up a hook after 30 s

# Tells whether $1 is a number of at most $2 digits, and none that a shell takes for an octal one.
number() {
    case $1 in '' | 0?* | *[!0-9]*) return 1 ;; esac
    [ ${#1} -le "$2" ]
}

# Sets `now` in hundredths of a second, and `tick`, by how many it may be later than that. What the shell knows by itself
# comes first; zsh is there on macOS, whose sh and date know whole seconds only.
clock() {
    tick=1
    if read -r now _ </proc/uptime; then
        now=${now%%.*}${now#*.}
    else
        now=${EPOCHREALTIME-}
        [ -n "$now" ] || now=$(zsh -fc 'zmodload zsh/datetime && echo $EPOCHREALTIME')
        part=${now#*.}
        now=${now%%.*}${part%"${part#??}"}
        [ -n "$now" ] || { now=$(date +%s)00 && tick=100; }
    fi
    number "$now" 12
}

# Sets `last` to the end of the last name in the pulse folder that begins with $1. The folder is the agent's to write:
# names are short whatever it does, contents need not be, so none is ever read.
last() {
    set -- "$1" "$pulse/$1"*
    last=$1
    shift $(($# - 1))
    last=${1#"$pulse/$last"}
}

# Sets `call`, the number of the last call that went on, and `at`, when it did; `at` is empty where nothing is known. The
# clock is read after that: a call that goes on meanwhile is none of the future.
#
# A call goes on when it has made the file of its number: only one of several can, and no lock stays behind when one is
# killed. The time is the end of a second file's name. Where that one is missing, the call is about to make it or was
# killed before it could: its time is then the one at which this is seen first.
last_call() {
    last call. && clock || return
    call=${last%%.*} at=${last#*.} exact=yes
    { number "$call" 9 && [ ${#call} -eq 9 ]; } || call=100000000 last= at=
    if [ "$last" = "$call" ]; then
        [ "$call" = "$unsure" ] || unsure=$call first=$now
        at=$first exact=
    fi
    { number "$at" 12 && [ "$at" -le "$now" ]; } || at= # of the future: the clock was set back
}

# Sleeps $1 hundredths of a second; a sleep that outlives its killed hook holds no pipe of the program open.
pause() {
    part=$(($1 % 100))
    [ $part -gt 9 ] || part=0$part
    sleep $(($1 / 100)).$part </dev/null >&2 || sleep $(($1 / 100 + 1)) </dev/null >&2
}

# Makes the file of the call after the last; fails where another one has, or where nothing can be made there.
claim() {
    tried=$call call=$((call + 1))
    true >"$pulse/call.$call" || return
    true >"$pulse/call.$call.$now"
    case $call in *0) rm -f "$pulse/call.$((call / 10 - 2))"* ;; esac
}

# Holds the call until it may go on; sets `told` to what the line says of that, to nothing where anything is amiss.
hold() {
    pulse=${AGENTCTL_RUN-}/pulse
    [ -d "$pulse" ] && [ ! -h "$pulse" ] || return
    last gap.
    number "$last" 6 || return
    gap=$(((last + 9) / 10)) begun= tried=0 unsure=
    set -C # a file that is there is not made again
    while last_call && [ "$call" -gt "$tried" ]; do
        begun=${begun:-$now} left=0
        held=$((now - begun))
        [ -z "$at" ] || [ "$gap" -eq 0 ] || left=$((at + gap + tick - now))
        [ $left -le $((most - held)) ] || left=$((most - held))
        if [ $left -gt 0 ]; then
            pause $left || return
        elif claim; then
            since=null
            if [ -n "$exact" ] && [ -n "$at" ]; then
                since=$(((now - at - tick) * 10))
                [ $since -ge 0 ] || since=0 # in the same moment
            fi
            told="\"waited_ms\":$((held * 10)),\"since_ms\":$since,"
            return
        fi
    done
}

pulse= told=
[ "${1-}" != --pulse ] || { pulse=yes && shift; }
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
[ -z "$pulse" ] || hold

# A line holds 64 KiB. Whether all of it is JSON is for the reader to see.
[ ${#payload} -le 65000 ] || payload=
case $payload in '{'*'}') ;; *) payload=null ;; esac

# A link or a pipe in our place is not ours: the one leads out of the folder, the other would wait for a reader.
[ "$folder" != /signals ] && [ -d "$folder" ] && [ ! -h "$folder" ] || exit 0
[ ! -h "$file" ] && { [ -f "$file" ] || [ ! -e "$file" ]; } || exit 0
line="{\"kind\":\"$event\",$told\"payload\":$payload}"
if [ ${#line} -lt 4000 ]; then
    printf '%s\n' "$line" >>"$file" # fits the buffer of any shell, so it is one write
else
    printf '%s\n' "$line" | dd ibs=65536 obs=131072 >>"$file"
fi
exit 0
