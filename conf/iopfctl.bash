# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of iopfctl for bash; goes to /usr/share/bash-completion/completions/iopfctl.
# Names are asked of the daemon, on the bus or the host that the command line names.

_iopfctl_names() {
	local names
	mapfile -t names < <("${command[@]}" list "$@" --names 2> /dev/null)
	COMPREPLY+=($(compgen -W "${names[*]}" -- "$word"))
}

_iopfctl() {
	local verbs='status list show stats top monitor metrics attach detach drain pause resume attach-pasid detach-pasid
		prefault trim flush reload plan check probe bind unbind log-level version'
	local options='--json= --host= --bus= --no-pager --help'
	local line=${COMP_LINE:0:COMP_POINT} word words=() command=(iopfctl) verb='' i n=0 space=''

	# bash splits words at = and :, which names of buses have
	read -ra words <<< "$line"
	word=${words[-1]}
	[[ $line != *[[:space:]] ]] || { word='' && words+=(''); }
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		--bus=* | --host=* | -H?*) command+=("${words[i]}") ;;
		--bus | --host | -H) command+=("${words[i]}" "${words[i + 1]}") && i=$((i + 1)) ;;
		--space | --attachments) space=${words[i]} ;;
		-*) ;;
		*) [ -n "$verb" ] && n=$((n + 1)) || verb=${words[i]} ;;
		esac
	done

	COMPREPLY=()
	case $word in
	--json=*)
		COMPREPLY=($(compgen -W 'short pretty' -- "${word#*=}"))
		return
		;;
	--bus=*)
		COMPREPLY=($(compgen -W 'system session unix:path=' -- "${word#*=}"))
		return
		;;
	-*)
		case $verb in
		'') options+=' --version' ;;
		list) options+=' --names --spaces --regions' ;;
		show) options+=' --space' ;;
		stats) options+=' --space --attachments --plot= --interval= --duration=' ;;
		top) options+=' --delay= --count=' ;;
		monitor) options+=' --space= --invalid-only' ;;
		metrics) options+=' --output=' ;;
		attach) options+=' --region= --device-file=' ;;
		probe) options+=' --root=' ;;
		esac
		COMPREPLY=($(compgen -W "$options" -- "$word"))
		[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2> /dev/null
		return
		;;
	esac
	case $verb:$n in
	:*) COMPREPLY=($(compgen -W "$verbs" -- "$word")) ;;
	show:* | stats:*) [ "$space" = --space ] && _iopfctl_names --spaces || _iopfctl_names ;;
	monitor:0 | attach:0 | detach:0 | drain:0 | pause:0 | resume:0 | attach-pasid:0 | detach-pasid:0) _iopfctl_names ;;
	attach-pasid:2) _iopfctl_names --spaces ;;
	prefault:0 | trim:0) _iopfctl_names --regions ;;
	flush:0) _iopfctl_names --spaces && _iopfctl_names --regions ;;
	check:0) COMPREPLY=($(compgen -f -- "$word")) ;;
	probe:* | bind:* | unbind:*) COMPREPLY=($(compgen -W "$(ls /sys/bus/pci/devices 2> /dev/null)" -- "$word")) ;;
	log-level:0) COMPREPLY=($(compgen -W 'emerg alert crit err warning notice info debug' -- "$word")) ;;
	esac
}

complete -F _iopfctl iopfctl
