# shellcheck shell=bash
# Completion for bash: certpool itself says what may come next (certpool-complete(1)).
_certpool() {
	local current=${COMP_WORDS[COMP_CWORD]} word names
	COMPREPLY=()
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
	done < <(certpool complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _certpool certpool
