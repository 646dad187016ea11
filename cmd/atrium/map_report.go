package main

import (
	"example.com/atrium/ndarray/npy"
	"fmt"
	"io"
	"strings"

	"example.com/atrium/internal/arraymap"
	"example.com/atrium/shm"
)

// printReport tells in a few lines what a map did.
func printReport(w io.Writer, r *arraymap.Report) error {
	by := ""
	if r.Workers > 0 {
		by = ", by " + count(r.Workers, "worker process", "worker processes")
	}
	if _, err := fmt.Fprintf(w, "%s: %s\n", r.Out.Path, arrayText(r.Out)); err != nil {
		return err
	}
	cut := ""
	if r.Calls > 1 && r.Calls != r.Total {
		cut = fmt.Sprintf(" in %s of %d", count(r.Calls, "call", "calls"), r.Rows)
	}
	if _, err := fmt.Fprintf(w, "%s over %s%s%s, in %s\n", r.Func, count(r.Total, strings.TrimSuffix(r.Unit, "s"), r.Unit), cut, by, seconds(r.Seconds)); err != nil {
		return err
	}
	if r.PNG != "" {
		if _, err := fmt.Fprintf(w, "%s: %s\n", r.PNG, r.Shown); err != nil {
			return err
		}
	}
	if r.Failed > 0 {
		_, err := fmt.Fprintf(w, "%s skipped; their places in %s are zero\n", count(r.Failed, "call was", "calls were"), r.Out.Path)
		return err
	}
	return nil
}

// arrayText is "float32 (512, 512), 1 MiB".
func arrayText(a arraymap.Array) string {
	return fmt.Sprintf("%s %s, %s", dtypeName(a.DType), npy.FormatShape(a.Shape), shm.Bytes(int64(a.Bytes)))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// seconds has two digits that count.
func seconds(s float64) string {
	switch {
	case s < 0.001:
		return fmt.Sprintf("%.2g ms", s*1e3)
	case s < 1:
		return fmt.Sprintf("%.0f ms", s*1e3)
	case s < 100:
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%.0f s", s)
}

// dtypeName is NumPy's name for a descr where it has a simple one, "float32" for "<f4".
func dtypeName(descr string) string {
	if len(descr) < 3 || descr[0] == '>' || descr[0] == '[' {
		return descr
	}
	kinds := map[byte]string{'i': "int", 'u': "uint", 'f': "float", 'c': "complex"}
	var size int
	if _, err := fmt.Sscanf(descr[2:], "%d", &size); err != nil {
		return descr
	}
	if descr[1] == 'b' {
		return "bool"
	}
	if kinds[descr[1]] == "" {
		return descr
	}
	return fmt.Sprint(kinds[descr[1]], 8*size)
}
