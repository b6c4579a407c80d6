# -*- test-case-name: tests.processes.test_completion -*-
"""The scripts for the shells, without the commands. L{buildbot.scripts.completion} puts these in."""

from __future__ import annotations

#: For bash 4 and later. COMP_WORDBREAKS makes several words of one with ":" or "="; they are joined first.
BASH = r"""# Completion of buildbot for bash: buildbot completion bash
_buildbot() {
    local words=() word cur at command='' flags=() places='' valued='' next='' kind line strip
    COMPREPLY=()
    for ((at = 0; at <= COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        if ((at > 1)) && { [[ $word == [:=]* ]] || [[ ${words[${#words[@]} - 1]} == *[:=] ]]; }; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
    done
    ((COMP_CWORD > 0)) || return
    cur=${words[${#words[@]} - 1]}
    unset 'words[${#words[@]}-1]'
    for ((at = 1; at < ${#words[@]}; at++)); do
        word=${words[at]}
        if [[ -n $next ]]; then
            next=''
        elif [[ $word == -* ]]; then
            [[ " "@VALUED@ == *" $word="* ]] && next=$word
        else
            command=$word
            break
        fi
    done
    case $command in
        '') flags=(@OPTIONS@) valued=@VALUED@ ;;
@CASES@
        *) return ;;
    esac
    if [[ -z $command && -z $next && $cur != -* ]]; then
        COMPREPLY=($(compgen -W '@COMMANDS@' -- "$cur"))
        return
    fi
    if [[ $cur == -* && $cur != *=* ]]; then
        COMPREPLY=($(compgen -W "${flags[*]}" -- "$cur"))
        return
    fi
    if [[ $cur == --*=* ]]; then
        words+=("${cur%%=*}")
        cur=${cur#*=}
    fi
    words=("${words[@]:0:1}" "${words[@]:at + (${#command} > 0)}")
    if [[ -z $command && -n $next ]]; then
        words+=("$next")
    fi
    local program=${words[0]/#\~/$HOME} typed=${cur//\\/}
    typed=${typed#[\"\']}
    words=("${words[@]:1}")
    {
        read -r kind
        while IFS= read -r line; do
            COMPREPLY+=("$(printf '%q' "$line")")
        done
    } < <("$program" --complete "$places" "$valued" "$typed" "${words[@]//\\/}" 2>/dev/null)
    case $kind in
        dirs) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur")) ;;
        files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
        prefixes) compopt -o nospace 2>/dev/null ;;
    esac
    if [[ $cur == *[:=]* ]]; then
        strip=${cur%"${cur##*[:=]}"}
        COMPREPLY=("${COMPREPLY[@]#"$strip"}")
    fi
}
complete -F _buildbot buildbot
"""

#: For zsh: a file _buildbot in fpath, or a script to source after compinit.
ZSH = r"""#compdef buildbot
# Completion of buildbot for zsh: buildbot completion zsh
_buildbot() {
    local command='' places='' valued='' next='' word kind current
    local -a flags verbs given found
    integer at
    current=${(Q)PREFIX}
    for ((at = 2; at < CURRENT; at++)); do
        word=${(Q)words[at]}
        if [[ -n $next ]]; then
            next=''
        elif [[ $word == -* ]]; then
            [[ " "@VALUED@ == *" $word="* ]] && next=$word
        else
            command=$word
            break
        fi
    done
    case $command in
        '') flags=(@OPTIONS@) valued=@VALUED@ ;;
@CASES@
        *) return 1 ;;
    esac
    if [[ -z $command && -z $next && $current != -* ]]; then
        verbs=(@COMMANDS@)
        _describe -t commands command verbs
        return
    fi
    if [[ $current == -* && $current != *=* ]]; then
        _describe -o -t options option flags
        return
    fi
    given=()
    if [[ -n $command ]]; then
        for word in "${(@)words[at + 1,CURRENT - 1]}"; do
            given+=("${(Q)word}")
        done
    elif [[ -n $next ]]; then
        given+=("$next")
    fi
    if [[ $current == --*=* ]]; then
        given+=("${current%%=*}")
        current=${current#*=}
        compset -P 1 '*='
    fi
    found=("${(@f)$(${~words[1]} --complete "$places" "$valued" "$current" "${given[@]}" 2>/dev/null)}")
    kind=$found[1]
    shift found
    case $kind in
        dirs) _directories ;;
        files) _files ;;
        prefixes) compadd -S '' -a found ;;
        words) compadd -a found ;;
    esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _buildbot "$@"
else
    compdef _buildbot buildbot
fi
"""

#: For fish: a file buildbot.fish in a directory of completions, or a script to source.
FISH = r"""# Completion of buildbot for fish: buildbot completion fish
function __buildbot_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l command ''
    set -l options
    set -l places ''
    set -l valued ''
    set -l next ''
    while set -q words[1]
        set -l word $words[1]
        set -e words[1]
        if test -n "$next"
            set next ''
        else if string match -q -- '-*' $word
            string match -q -- "* $word=*" " "@VALUED@; and set next $word
        else
            set command $word
            break
        end
    end
    switch "$command"
        case ''
            set options @OPTIONS@
            set valued @VALUED@
@CASES@
        case '*'
            return
    end
    if test -z "$command" -a -z "$next"; and not string match -q -- '-*' $current
        printf '%s\n' @COMMANDS@
        return
    end
    if string match -q -- '-*' $current; and not string match -q -- '*=*' $current
        printf '%s\n' $options
        return
    end
    test -z "$command" -a -n "$next"; and set words $next
    set -l before ''
    if string match -q -- '--*=*' $current
        set -l parts (string split -m 1 = -- $current)
        set -a words $parts[1]
        set before "$parts[1]="
        set current "$parts[2]"
    end
    set -l found (command $program --complete "$places" "$valued" "$current" $words 2>/dev/null)
    set -l kind "$found[1]"
    set -e found[1]
    switch "$kind"
        case dirs
            set found (__fish_complete_directories "$current" '')
        case files
            set found (__fish_complete_path "$current" '')
    end
    set -q found[1]; and printf '%s\n' $before$found
end
complete -c buildbot -f -a '(__buildbot_complete)'
"""
