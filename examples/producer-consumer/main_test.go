package main

import (
	"regexp"
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) { mptest.MainOf(m, main) }

func TestOnlyTheKilledOnesLineIsLost(t *testing.T) {
	out, err := mptest.RunMain(t)
	if err != nil {
		t.Errorf("%v", err)
	}
	if want := regexp.MustCompile(`^with Get: .* killed with line (\d+) in its hands
  \d+ lines of \d+ counted, "queue" \d+ times; lost \[\d+\], came again \[\]
with Borrow: .* killed with line (\d+) in its hands
  \d+ lines of \d+ counted, "queue" \d+ times; lost \[\], came again \[\d+\]
$`); !want.Match(out) {
		t.Errorf("%s is not what it should have printed:\n%s", out, want)
	}
}
