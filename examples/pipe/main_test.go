package main

import (
	"regexp"
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) { mptest.MainOf(m, main) }

func TestThePeerOfTheDeadIsTold(t *testing.T) {
	out, err := mptest.RunMain(t)
	if err != nil {
		t.Errorf("%v", err)
	}
	if want := regexp.MustCompile(`^child (\d+) answered 10000 questions, each in \S+; 2026 is the product of \[2 1013\]
asked for the factors of 18446744073709551557, and told \S+ after the death of child \d+: .*EOF
child (\d+) answered 10000 questions, each in \S+; 2026 is the product of \[2 1013\]
asked no more; child \d+ ended with exit status 0
$`); !want.Match(out) {
		t.Errorf("%s is not what it should have printed:\n%s", out, want)
	}
}
