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
	n, all := turns(), spins+between*(yields+1)-1
	if crowded.Load() == 0 && n != all || crowded.Load() > 0 && n >= all { // a yield that took long was one
		t.Errorf("then %d turns of %d, and the next %d waits go without yields", n, all, crowded.Load())
	}
}
