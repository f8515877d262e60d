#compdef certpool
# Completion for zsh: certpool itself says what may come next (certpool-complete(1)).
local line found_any=1
local -a found members
for line in "${(@f)$(certpool complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
	case $line in
	:file) _files && found_any=0 ;;
	:directory) _files -/ && found_any=0 ;;
	*/) members+=("$line") ;;
	?*) found+=("${${line%%$'\t'*}//:/\\:}:${${line#*$'\t'}:#${line}}") ;;
	esac
done
((${#found})) && _describe certpool found && found_any=0
((${#members})) && compadd -S '' -a members && found_any=0
return found_any
