package manager

import (
	"slices"
	"strings"
	"unicode"
)

// pythonWords are those that are no names in Python.
var pythonWords = strings.Fields("and as assert async await break class continue def del elif else except finally for from global if import in is " +
	"lambda nonlocal not or pass raise return try while with yield")

// pythonName is how Python would write the name of a Go method: AddAll as add_all, HTTPGet as http_get, V2Of as v2_of.
func pythonName(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' {
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if !unicode.IsUpper(runes[i-1]) || next {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	s := b.String()
	if slices.Contains(pythonWords, s) {
		s += "_"
	}
	return s
}

// identifier tells whether s can be a name in Python.
func identifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != "" && !slices.Contains(pythonWords, s)
}
