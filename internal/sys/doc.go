// Package sys is the only place that speaks to the Linux kernel beyond package os: mappings, allocation,
// file locks, atomic renames and facts about the machine. Each function is one system call, or the loop that
// the call needs to be correct; nothing here knows what atrium keeps in a file.
package sys
