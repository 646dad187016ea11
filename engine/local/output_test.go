package local

import (
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLineSize+10)
	var got []string
	lines(strings.NewReader("a\n\nb\r\n"+long+"\nno end"), func(s string) { got = append(got, s) })
	want := []string{"a", "", "b", long[:maxLineSize], long[maxLineSize:], "no end"}
	if !slices.Equal(got, want) {
		t.Errorf("%d lines: %.80q", len(got), got)
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	var last tail
	for i := range 3 * tailLines {
		last.add(strings.Repeat("l", i))
	}
	got := last.lines()
	if len(got) != tailLines || got[0] != strings.Repeat("l", 2*tailLines) {
		t.Errorf("%d lines, first %q", len(got), got[0])
	}
	got[0] = "changed"
	if last.lines()[0] == "changed" {
		t.Error("the caller's copy is ours")
	}
}
