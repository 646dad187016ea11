package main

import (
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) { mptest.MainOf(m, main) }

func TestNothingIsLost(t *testing.T) {
	mptest.Python(t)
	out, err := mptest.RunMain(t)
	if err != nil {
		t.Errorf("%v", err)
	}
	if want := `a Python process had the lock, and was killed
two Go and two Python processes went on, and added 400; what the dead one left half done is 1000000
two Go processes added 200 without the lock
`; string(out) != want {
		t.Errorf("%s is not what it should have printed:\n%s", out, want)
	}
}
