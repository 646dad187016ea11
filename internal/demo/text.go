package demo

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"example.com/atrium/shm"
)

// Text tells people of a run as it goes: give its methods to Config.
type Text struct {
	W      io.Writer
	Colour bool // where the terminal knows it; nothing is told by it alone
}

// Begin is Config.Begin.
func (t Text) Begin(r *Report) {
	fmt.Fprintf(t.W, "\n%s  %d worker processes, Space %s\n", t.paint("1", "atrium demo"), r.Workers, r.Space)
	if r.Note != "" {
		fmt.Fprintf(t.W, "            a smaller picture than usual: %s\n", r.Note)
	}
	fmt.Fprintln(t.W)
}

// Step is Config.Step.
func (t Text) Step(r *Report) {
	s := r.Steps[len(r.Steps)-1]
	mark := t.paint("32", "ok    ")
	if !s.OK {
		mark = t.paint("31;1", "FAILED")
	}
	fmt.Fprintf(t.W, "%s  %-8s %s\n", mark, s.Name, s.Text)
	if s.Name == "compare" && s.OK {
		t.ways(r.Ways)
	}
}

// End tells what to look at and what to try, after a run that went well.
func (t Text) End(r *Report) {
	fmt.Fprintf(t.W, "\n%s  %s\n\n%s\n", t.paint("1", "picture"), r.PNG, t.paint("1", "try next"))
	for _, c := range r.Next {
		fmt.Fprintf(t.W, "  %s\n", c)
	}
	fmt.Fprintln(t.W)
}

func (t Text) ways(ways []Way) {
	const indent, wide = "        ", 24
	most := 0.0
	for _, w := range ways {
		most = max(most, w.Seconds)
	}
	fmt.Fprintf(t.W, "\n%s%-24s%-*s %s  %s\n", indent, "", wide, "", t.paint("2", "    time"), t.paint("2", "private memory"))
	for _, w := range ways {
		bar := strings.Repeat("█", max(1, int(wide*w.Seconds/most+0.5)))
		bar += strings.Repeat("·", wide-utf8.RuneCountInString(bar))
		fmt.Fprintf(t.W, "%s%-24s%s %8s  %14s\n", indent, w.Name, t.paint("36", bar), seconds(w.Seconds), shm.Bytes(w.Private))
	}
	fmt.Fprintf(t.W, `
%[1]sGoroutines are fast and frugal: where they do, use them. Processes that
%[1]sshare memory come close, and are isolated: a crash, a kill or a leak costs
%[1]sone task and not the program, and some of them may be Python.

`, indent)
}

func (t Text) paint(code, s string) string {
	if !t.Colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// next are commands that work as they stand.
func next(program, picture string) []string {
	if strings.ContainsFunc(picture, func(r rune) bool {
		return !strings.ContainsRune("/._-+,@%", r) && !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z')
	}) {
		picture = "'" + strings.ReplaceAll(picture, "'", `'\''`) + "'"
	}
	return []string{
		program + " map go:sobel " + picture + " -o edges.npy --png edges.png",
		program + " array put edges.npy --name edges",
		program + " doctor",
	}
}
