package local

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/internal/mptest"
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

func TestTailKeepsTheReason(t *testing.T) {
	var last tail
	last.add("before")
	last.add("fatal error: all goroutines are asleep")
	last.add("panic: second")
	if got := last.lines(); len(got) != 3 {
		t.Errorf("%q", got)
	}
	for range 2 * tailLines {
		last.add("goroutine 1")
	}
	if got := last.String(); !strings.HasPrefix(got, "fatal error: all goroutines are asleep\n…\ngoroutine 1\n") || len(last.lines()) != tailLines+2 {
		t.Errorf("%q", got)
	}
}

// TestBlockedOutput has nobody take what workers print: their deaths are told all the same, and the engine ends.
func TestBlockedOutput(t *testing.T) {
	mptest.Check(t)
	space := mptest.Space(t)
	blocked := make(chan struct{})
	printed := make(chan struct{}, 10)
	e, err := New(Config{Workers: 1, Space: space, Grace: 100 * time.Millisecond, Output: func(engine.Output) { printed <- struct{}{}; <-blocked }})
	if err != nil {
		t.Fatal(err)
	}
	c := e.try(false, "print, and die")
	<-printed
	c.job.Wait(t.Context(), c.done)
	if !errors.Is(c.o.Err, engine.ErrWorkerDied) {
		t.Error(c.o.Err)
	}
	if err := e.Terminate(); err != nil {
		t.Error(err)
	}
	close(blocked) // the second line, if it was read in time, comes when its worker and board are gone
}
