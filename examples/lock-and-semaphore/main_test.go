package main

import (
	"regexp"
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) { mptest.MainOf(m, main) }

func TestTheNextOwnerMends(t *testing.T) {
	out, err := mptest.RunMain(t)
	if err != nil {
		t.Errorf("%v", err)
	}
	if want := regexp.MustCompile(`worker \d: worker 0 died with the lock: it had taken \d+ from account \d, not yet given to account \d\. Undone
(?s:.*)6500 moves in \S+, 1 undone; 8 accounts have 8000 in all, as in the beginning: true
[12] receipts at a time were printed at most; the dead worker's printer is free again: true
$`); !want.Match(out) {
		t.Errorf("%s is not what it should have printed:\n%s", out, want)
	}
}
