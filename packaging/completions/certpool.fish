# Completion for fish: certpool itself says what may come next (certpool-complete(1)).
function __certpool_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (certpool complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':file'
                __fish_complete_path "$current"
            case ':directory'
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end
complete -c certpool -f -a '(__certpool_complete)'
