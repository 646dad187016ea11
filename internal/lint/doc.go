// Package lint holds the repository's rules as tests: which package may import which, what stays where, and that the
// tree builds under another name and from outside. A rule that has to be broken is broken in the open, in a table
// here that gives the reason.
package lint
