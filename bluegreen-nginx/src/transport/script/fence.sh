# Runs under flock, as `sh -c` with arguments: directory epoch seq split. "-" for what is not claimed.
# Says on standard output what it found. 73 fenced, 74 token reused, 76 foreign, 77 refused by the
# test, 78 perhaps done; 75 is flock's own for a lock that is held. Anything else: nothing was done.
set -eu
umask 077
dir=$1 epoch=$2 seq=$3 split=$4
shift 4

foreign() { printf '%s\n%s\n' "$1" "$2"; exit 76; }

if [ -f "$dir/fence" ]; then
    read -r held_epoch held_seq held_split < "$dir/fence" || foreign "$dir/fence" "no token and split"
    case "x$held_epoch$held_seq$held_split" in
        *[!0-9x]* | x) foreign "$dir/fence" "no token and split" ;;
    esac
    if [ "$epoch" != - ]; then
        if [ "$epoch" -lt "$held_epoch" ] || { [ "$epoch" -eq "$held_epoch" ] && [ "$seq" -lt "$held_seq" ]; }; then
            echo "$held_epoch $held_seq $held_split"
            exit 73
        fi
        if [ "$epoch" -eq "$held_epoch" ] && [ "$seq" -eq "$held_seq" ] && [ "$split" != - ] && [ "$split" != "$held_split" ]; then
            echo "$held_epoch $held_seq $held_split"
            exit 74
        fi
    fi
fi

# The fence is written before the effect: never an effect without its token.
record() {
    [ "$split" = - ] && return 0
    printf '%s %s %s\n' "$epoch" "$seq" "$split" > "$dir/.fence.tmp"
    chmod 644 "$dir/.fence.tmp"
    sync "$dir/.fence.tmp"
    mv -fT "$dir/.fence.tmp" "$dir/fence"
    sync "$dir"
}
