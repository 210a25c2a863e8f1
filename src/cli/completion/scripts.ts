/** What `valence completion SHELL` prints. Each asks `valence __complete` and leaves file names to the shell. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = `# bash completion for valence; in ~/.bashrc: source <(valence completion bash)
_valence() {
  local IFS=$'\\n' word
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    COMPREPLY+=("$word")
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _valence valence`;

const ZSH = `#compdef valence
# zsh completion for valence; in ~/.zshrc, after compinit: source <(valence completion zsh)
_valence() {
  local -a proposals
  local word brief
  while IFS=$'\\t' read -r word brief; do
    proposals+=("\${word//:/\\\\:}:\${brief//:/\\\\:}")
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#proposals} )); then
    _describe valence proposals
  else
    _files
  fi
}
compdef _valence valence`;

const FISH = `# fish completion for valence; in ~/.config/fish/config.fish: valence completion fish | source
function __valence_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l proposals ($words[1] __complete $words[2..-1] 2>/dev/null)
  if test (count $proposals) -gt 0
    printf '%s\\n' $proposals
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c valence -f -a '(__valence_complete)'`;

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
