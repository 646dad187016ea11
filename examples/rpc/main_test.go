package main

import (
	"regexp"
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) { mptest.MainOf(m, main) }

func TestPythonCallsGo(t *testing.T) {
	mptest.Python(t)
	out, err := mptest.RunMain(t)
	if err != nil {
		t.Errorf("%v", err)
	}
	if want := regexp.MustCompile(`^Ada's basket: map\[milk:1 tea:2\]
ValueError: there are 1 of tea, not 2
KeyError: 'coffee'
TypeError: put expected 3 arguments, got 2
TypeError: add\(\) argument 2 must be int, not str
TypeError: Basket\(\) got an unexpected keyword argument 'limits'
"""
Traceback \(most recent call last\):
  atrium manager at unix:\S+, in a call of Basket\.put
  File "main\.go", line \d+, in \S+\.\(\*Basket\)\.Put
\*fmt\.wrapError: the basket of Ada: ValueError: there are 1 of tea, not 2
"""
left: \{'milk': 1, 'tea': 1\}
somebody waits
it was killed, and WaitFor told: the client is gone
somebody waits
got coffee: 1
$`); !want.Match(out) {
		t.Errorf("%s is not what it should have printed:\n%s", out, want)
	}
}
