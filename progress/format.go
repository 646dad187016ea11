package progress

import (
	"fmt"
	"strings"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/shm"
)

// counts is "120/512 rows".
func (s state) counts() string {
	t := fmt.Sprintf("%d/%d %s", s.done, s.Total, s.Unit)
	if s.failed > 0 {
		t += fmt.Sprintf(" (%d failed)", s.failed)
	}
	return t
}

// rate is "1,234 rows/s, 56 MiB/s"; "" until half a second can tell.
func (s state) rate() string {
	sec := s.elapsed.Seconds()
	if s.done == 0 || sec < 0.2 {
		return ""
	}
	t := fmt.Sprintf("%s %s/s", number(float64(s.done)/sec), s.Unit)
	if each := int64(float64(s.bytes) / sec); each >= 1<<20 {
		t += ", " + shm.Bytes(each) + "/s"
	}
	return t
}

// number has three digits that count.
func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

func (s state) remaining() string {
	d, ok := s.left()
	if !ok {
		return ""
	}
	return clock(d) + " left"
}

// clock is a duration as people read it: "3s", "2m05s", "1h02m".
func clock(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// line is the whole state on one.
func (s state) line() string {
	parts := []string{s.counts()}
	for _, p := range []string{s.rate(), s.remaining()} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return s.Name + ": " + strings.Join(parts, ", ")
}

// workerLines is one for each worker: "w1 pid 4711 busy 0.3s: go:sobel, 17 done".
func workerLines(workers []engine.Worker) []string {
	var lines []string
	for _, w := range workers {
		l := fmt.Sprintf("w%d %s pid %d %s", w.Index, w.Language, w.Pid, w.State)
		if w.State == "busy" {
			l += fmt.Sprintf(" for %.1fs", time.Since(w.Since).Seconds())
		}
		l += fmt.Sprintf(", %d done", w.Done)
		if w.Restarts > 0 {
			l += fmt.Sprintf(", restarted %d times", w.Restarts)
		}
		lines = append(lines, l)
	}
	return lines
}
