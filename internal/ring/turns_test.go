package ring

import "testing"

// TestCrowded has waits go without yields where these gave the processor away for long, and with them again later.
func TestCrowded(t *testing.T) {
	turns := func() (n int) {
		for t := (Turns{}); t.Spin(); {
			n++
		}
		return n
	}
	crowded.Store(3)
	defer crowded.Store(0)
	for i := range 3 {
		if n := turns(); n != spins+between-1 {
			t.Errorf("wait %d: %d turns, want %d, as many as before the first yield", i, n, spins+between-1)
		}
	}
	for range 20 { // a yield may have taken long
		crowded.Store(0)
		if n := turns(); n == spins+between*(yields+1)-1 {
			return
		}
	}
	t.Error("no wait yields any more")
}
