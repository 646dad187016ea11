package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/atrium/internal/arraymap"
)

// message is an error as it is printed: without the prefix that library errors have too, and with a function's traceback.
func message(err error) string {
	text := strings.TrimPrefix(err.Error(), "atrium: ")
	text = printable(strings.TrimPrefix(text, arraymap.ErrUsage.Error()+": "))
	if e := (*arraymap.CallError)(nil); errors.As(err, &e) && e.Traceback() != "" {
		text += "\n\n" + printable(e.Traceback())
	}
	return text
}

// maxText is how much is printed of what may come from anywhere, an exception's text for instance.
const maxText = 64 << 10

// printable is a text that does nothing to a terminal: other control characters than line ends and tabs are escaped. Of a
// very long one it is the beginning and the end.
func printable(text string) string {
	if n := len(text); n > maxText {
		text = fmt.Sprintf("%s\n… %d bytes are left out …\n%s", text[:maxText/2], n-maxText, text[n-maxText/2:])
	}
	if !strings.ContainsFunc(text, harmful) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !harmful(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// harmful tells whether a terminal may take r for a command, or for the end of a line that is none. Bidi controls among
// them, which show text in another order than it has.
func harmful(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}
