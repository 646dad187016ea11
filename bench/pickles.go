package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kisielk/og-rek"
	gopickle "github.com/nlpodyssey/gopickle/pickle"

	"example.com/atrium/pickle"
)

const atriumPickle = "atrium, pickle"

// pickled are the values of the work, by name, and how often each is read and written in a round.
var pickled = []struct {
	name  string
	times int
	value func() any
}{
	{"ints", 10, func() any {
		l := make([]any, 100_000)
		for i := range l {
			l[i] = i * 1000
		}
		return pickle.NewList(l...)
	}},
	{"dict", 5, func() any {
		d := pickle.NewDict()
		for i := range 100_000 {
			_ = d.Set("key number "+strconv.Itoa(i), i) // a string is hashable
		}
		return d
	}},
	{"nested", 10, func() any {
		rows := make([]any, 5_000)
		for i := range rows {
			rows[i] = pickle.NewDict(
				pickle.Item{Key: "name", Value: "row " + strconv.Itoa(i)},
				pickle.Item{Key: "score", Value: float64(i) / 3},
				pickle.Item{Key: "parts", Value: pickle.NewList(float64(i), "red", pickle.NewDict(pickle.Item{Key: "deep", Value: 0.5}))})
		}
		return pickle.NewList(rows...)
	}},
	{"bytes", 50, func() any { return pickle.Bytes(strings.Repeat("0123456789abcdef", 1<<16)) }},
}

// pickleWork compares reading and writing pickles: values as each library has them, and bytes in memory.
func pickleWork() work {
	w := work{
		name:  "pickle",
		about: "read, and write, a list of 100,000 ints, a dict of as many, 5,000 nested dicts, 1 MiB of bytes; protocol 4",
		sides: []side{
			pickler(atriumPickle, func(b []byte) (any, error) { return pickle.Decode(b) }, func(v any) ([]byte, error) { return pickle.Marshal(v) }),
			pickler("og-rek", func(b []byte) (any, error) {
				return ogórek.NewDecoderWithConfig(bytes.NewReader(b), &ogórek.DecoderConfig{StrictUnicode: true, PyDict: true}).Decode()
			}, func(v any) ([]byte, error) {
				var out bytes.Buffer
				err := ogórek.NewEncoderWithConfig(&out, &ogórek.EncoderConfig{Protocol: 4, StrictUnicode: true}).Encode(v)
				return out.Bytes(), err
			}),
			pickler("gopickle", func(b []byte) (any, error) {
				u := gopickle.NewUnpickler(bytes.NewReader(b))
				return u.Load()
			}, nil),
			picklesC(),
		},
	}
	for _, p := range pickled {
		w.series = append(w.series, series{"pickle-" + p.name + "-read", atriumPickle, p.name + " read", microseconds},
			series{"pickle-" + p.name + "-write", atriumPickle, p.name + " write", microseconds})
	}
	return w
}

// pickler is a side in this process. encode is nil where a library only reads.
func pickler(name string, decode func([]byte) (any, error), encode func(any) ([]byte, error)) side {
	return side{name: name, open: func(context.Context, *host) (*session, error) {
		data := make([][]byte, len(pickled))
		for i, p := range pickled {
			var err error
			if data[i], err = pickle.Marshal(p.value()); err != nil {
				return nil, err
			}
		}
		round := func(context.Context, int) (map[string]float64, error) {
			times := map[string]float64{}
			for i, p := range pickled {
				var v any
				var b []byte
				var err error
				turns := func(metric string, f func() error) error {
					times[p.name+metric], err = timed(p.times, func(n int) error {
						for range n {
							if err := f(); err != nil {
								return fmt.Errorf("%s%s: %w", p.name, metric, err)
							}
						}
						return nil
					})
					return err
				}
				if turns(" read", func() error { v, err = decode(data[i]); return err }) != nil {
					return nil, err
				}
				if encode == nil {
					continue
				}
				if turns(" write", func() error { b, err = encode(v); return err }) != nil {
					return nil, err
				}
				got, err := pickle.Decode(b)
				if err != nil {
					return nil, err
				}
				if !pickle.Equal(got, p.value()) {
					return nil, fmt.Errorf("%s came out as another value", p.name)
				}
			}
			return times, nil
		}
		return &session{round: round, close: func() error { return nil }}, nil
	}}
}

// picklesC is CPython's pickle, which is in C.
func picklesC() side {
	const name = "CPython's pickle"
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		dir, err := os.MkdirTemp(h.scratch, "k")
		if err != nil {
			return nil, err
		}
		turns := map[string]int{}
		for _, p := range pickled {
			b, err := pickle.Marshal(p.value())
			if err = errors.Join(err, os.WriteFile(filepath.Join(dir, p.name), b, 0o600)); err != nil {
				return nil, err
			}
			turns[p.name] = p.times
		}
		p, _, err := startPython(ctx, h, "pickles.py", name, map[string]any{"values": dir, "turns": turns})
		return p.session(), err
	}}
}
