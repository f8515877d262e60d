# shellcheck shell=bash
# Completion for bash: certpool itself says what may come next (certpool-complete(1)).
_certpool() {
	local current=${COMP_WORDS[COMP_CWORD]} word names at words=()
	COMPREPLY=()
	# bash takes a URL apart at each : and =, as words of their own.
	for ((at = 1; at <= COMP_CWORD; at++)); do
		if ((at > 1)) && [[ ${COMP_WORDS[at]} == [:=]* || ${COMP_WORDS[at - 1]} == *[:=] ]]; then
			words[-1]+=${COMP_WORDS[at]}
		else
			words+=("${COMP_WORDS[at]}")
		fi
	done
	while IFS=$'\t' read -r word _; do
		case $word in
		:file | :directory)
			compopt -o filenames
			mapfile -t names < <(compgen -A "${word#:}" -- "$current")
			COMPREPLY+=("${names[@]}")
			;;
		*/)
			compopt -o nospace
			COMPREPLY+=("$word")
			;;
		*) COMPREPLY+=("$word") ;;
		esac
	done < <(certpool complete -- "${words[@]}" 2>/dev/null)
}
complete -F _certpool certpool
