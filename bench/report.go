package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// A line is one work against one peer, as -json prints it. Ratio is how many times better atrium is, the median of
// the rounds' own ratios; Low and High are its 95 % interval. With Error there is nothing to compare.
type line struct {
	Work   string  `json:"work"`
	Unit   string  `json:"unit"`
	Ours   float64 `json:"ours,omitempty"`
	Peer   string  `json:"peer"`
	Theirs float64 `json:"theirs,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"`
	Low    float64 `json:"low,omitempty"`
	High   float64 `json:"high,omitempty"`
	Rounds int     `json:"rounds,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// compare fills l in from the seconds each side took, paired by round.
func (l *line) compare(ours, theirs []float64, u unit) {
	ratios := make([]float64, len(ours))
	for i := range ratios {
		ratios[i] = theirs[i] / ours[i]
	}
	low, high := interval(ratios)
	l.Ours, l.Theirs = figures(u.show(median(ours))), figures(u.show(median(theirs)))
	l.Ratio, l.Low, l.High = figures(median(ratios)), figures(low), figures(high)
	l.Rounds = len(ratios)
}

// figures keeps the four leading digits, more than any of these measurements carries.
func figures(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	if err != nil {
		return x
	}
	return y
}

func newJSONLines(out io.Writer) func(line) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return func(l line) error { return enc.Encode(l) }
}

// newTable prints for people. Columns have fixed widths, so that each work appears as soon as it is measured.
func newTable(out io.Writer) func(line) error {
	const columns = "%-22s %-46s %14s %14s %9s  %s\n"
	head := false
	return func(l line) error {
		if !head {
			head = true
			if _, err := fmt.Fprintf(out, columns, "work", "peer", "atrium", "peer's", "ratio", "95 % interval"); err != nil {
				return err
			}
		}
		value := func(x float64) string {
			if x >= 1000 {
				return fmt.Sprintf("%.0f %s", x, l.Unit)
			}
			return fmt.Sprintf("%.4g %s", x, l.Unit)
		}
		if l.Error != "" {
			theirs := "-"
			if l.Theirs != 0 {
				theirs = value(l.Theirs)
			}
			_, err := fmt.Fprintf(out, columns, l.Work, l.Peer, "-", theirs, "-", "not compared: "+l.Error)
			return err
		}
		_, err := fmt.Fprintf(out, columns, l.Work, l.Peer, value(l.Ours), value(l.Theirs),
			ratio(l.Ratio), ratio(l.Low)+" to "+ratio(l.High))
		return err
	}
}

// ratio keeps three digits, without an exponent.
func ratio(x float64) string {
	if x >= 1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
