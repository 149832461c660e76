# Arguments: how many files; for each its path, mode and size in bytes ("-": there shall be no such
# file); then the program that judges them, if any. Standard input: their contents, one after the other.
count=$1
shift
changed=no

beside() { printf '%s/.%s.%s' "${1%/*}" "${1##*/}" "$2"; }

# Leaves the old files, whatever happened, unless everything went well.
finish() {
    code=$?
    at=0
    while [ "$at" -lt "$count" ]; do
        at=$((at + 1))
        eval "path=\${path$at-} placed=\${placed$at-no}"
        [ -n "$path" ] || continue
        old=$(beside "$path" before)
        if [ "$code" -ne 0 ] && [ "$placed" = yes ]; then
            if [ -e "$old" ]; then mv -fT "$old" "$path" || code=78; else rm -f "$path" || code=78; fi
        fi
        rm -f "$old" "$(beside "$path" tmp)"
    done
    exit "$code"
}
trap finish EXIT

at=0
while [ "$at" -lt "$count" ]; do
    at=$((at + 1))
    eval "path$at=\$1 size$at=\$3"
    new=$(beside "$1" tmp)
    rm -f "$new"
    if [ "$3" != - ]; then
        dd bs=1 count="$3" of="$new" 2> /dev/null
        [ "$(wc -c < "$new")" -eq "$3" ]
        chmod "$2" "$new"
        sync "$new"
    fi
    shift 3
done
record

at=0
while [ "$at" -lt "$count" ]; do
    at=$((at + 1))
    eval "path=\$path$at size=\$size$at"
    new=$(beside "$path" tmp)
    if [ "$size" = - ]; then
        [ -e "$path" ] || continue
    elif [ -e "$path" ] && cmp -s "$new" "$path"; then
        continue
    fi
    [ ! -e "$path" ] || cp -p "$path" "$(beside "$path" before)"
    eval "placed$at=yes"
    changed=yes
    if [ "$size" = - ]; then rm -f "$path"; else mv -fT "$new" "$path"; fi
    sync "${path%/*}"
done

if [ $# -gt 0 ]; then
    said=$("$@" 2>&1) || { printf '%s\n' "$said"; exit 77; }
fi
[ "$changed" = no ] || { printf 'changed\n\n'; exit 0; }
echo unchanged
