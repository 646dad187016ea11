package main

import (
	"errors"
	"strings"

	"example.com/atrium/internal/arraymap"
)

// message is an error as it is printed: without the prefix that library errors have too, and with a function's traceback.
func message(err error) string {
	text := strings.TrimPrefix(err.Error(), "atrium: ")
	text = strings.TrimPrefix(text, arraymap.ErrUsage.Error()+": ")
	if e := (*arraymap.CallError)(nil); errors.As(err, &e) && e.Traceback() != "" {
		text += "\n\n" + e.Traceback()
	}
	return text
}
