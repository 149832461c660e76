# Arguments: switch or rehearse, the text of the state, how many folders are kept.
# Standard input: the markers, sorted, one a line.
mode=$1 state=$2 kept=$3
now=$dir/current
wanted=$dir/.wanted.tmp
have=$dir/.have.tmp
half= full= repaired=

tidy() {
    code=$?
    rm -f "$wanted" "$have"
    [ -z "$half" ] || rm -rf "$half"
    if [ "$code" -ne 0 ] && [ "$code" -ne 78 ] && [ -n "$full" ]; then rm -rf "$full"; fi
    exit "$code"
}
trap tidy EXIT
cat > "$wanted"

if [ -L "$now" ]; then
    target=$(readlink "$now")
    number=${target#gen-}
    case $number in
        "$target" | '' | *[!0-9]*) foreign "$now" "it points to $target" ;;
    esac
    if [ ! -d "$now/" ]; then
        repaired="$target was missing or had lost its sentinel"
    elif [ ! -r "$now/state" ]; then
        foreign "$now" "it points to $target, which has no readable state"
    elif [ ! -f "$now/sentinel" ]; then
        repaired="$target was missing or had lost its sentinel"
    else
        ls "$now/" | sed -n '/^[0-9][0-9]*$/p' > "$have"
        if [ "$mode" = switch ] && cmp -s "$wanted" "$have"; then
            record
            echo unchanged
            exit 0
        fi
        written=$(sed -n 's/^marked=//p' "$now/state")
        found=$(grep -c . "$have" || :)
        [ "$written" = "$found" ] || repaired="$target was written with $written markers and had $found"
    fi
elif [ -e "$now" ]; then
    foreign "$now" "it is no symbolic link"
fi

newest=0
for folder in "$dir"/gen-*; do
    number=${folder##*/gen-}
    case $number in
        *.tmp) rm -rf "$folder" ;;
        '' | *[!0-9]*) ;;
        *) [ "$number" -le "$newest" ] || newest=$number ;;
    esac
done
next=$((newest + 1))
half=$dir/gen-$next.tmp
mkdir "$half"
printf 'generation=%s\n%s' "$next" "$state" > "$half/state"
: > "$half/sentinel"
while read -r marker; do : > "$half/$marker"; done < "$wanted"
chmod 644 "$half"/*
chmod 755 "$half"
sync "$half"/* "$half"
[ "$mode" = switch ] || { echo unchanged; exit 0; }

full=$dir/gen-$next
mv -T "$half" "$full"
half=
record
rm -f "$dir/current.tmp"
ln -s "gen-$next" "$dir/current.tmp"
sync "$dir"
mv -fT "$dir/current.tmp" "$now"
sync "$dir" || exit 78
oldest=$((next - kept))
for folder in "$dir"/gen-*; do
    number=${folder##*/gen-}
    [ "$number" -ge "$oldest" ] || rm -rf "$folder" || :
done
printf 'changed\n%s\n' "$repaired"
