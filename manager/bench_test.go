package manager

import (
	"strconv"
	"strings"
	"testing"

	"example.com/atrium/pickle"
)

// BenchmarkCall is one method call over a Unix socket, there and back.
func BenchmarkCall(b *testing.B) {
	s, _ := served(b, Config{})
	id := create(b, s, "dict")
	r := open(b, s)
	for _, c := range []struct {
		name string
		args []any
	}{{"__setitem__", []any{"key", 1}}, {"__getitem__", []any{"key"}}, {"__len__", nil}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.ask(id, c.name, c.args...)
			}
		})
	}
}

// BenchmarkMove is a value of 64 MB there and back.
func BenchmarkMove(b *testing.B) {
	s, _ := served(b, Config{})
	id := create(b, s, "Value", "s", "")
	r := open(b, s)
	v := pickle.Bytes(strings.Repeat("x", 64<<20))
	b.SetBytes(2 * int64(len(v)))
	for b.Loop() {
		r.ask(id, "set", v)
		r.ask(id, "get")
	}
}

// BenchmarkPython is what a stock client sees of this server, and of a manager of its own.
func BenchmarkPython(b *testing.B) {
	_, where := served(b, Config{}, func(s *Server) { register(b, s) })
	for b.Loop() {
		p := script(b, "speed", where)
		for line := p.Line(); line != "end"; line = p.Line() {
			unit, value, _ := strings.Cut(line, " ")
			f, err := strconv.ParseFloat(value, 64)
			noErr(b, err)
			b.ReportMetric(f, unit)
		}
		p.Done()
	}
}

// BenchmarkGoMethod is one call of a method of a registered Go type, as BenchmarkCall.
func BenchmarkGoMethod(b *testing.B) {
	s, _ := served(b, Config{}, func(s *Server) { register(b, s) })
	counter, service := create(b, s, "Counter", 0), create(b, s, "get_service")
	r := open(b, s)
	for _, c := range []struct {
		name, id, method string
		args             []any
	}{{"add", counter, "add", []any{1}}, {"search", service, "search", []any{"query", pickle.NewDict(pickle.Item{Key: "limit", Value: 3})}},
		{"context", service, "quick", nil}, {"wait", service, "wait_briefly", []any{0.0}}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if kind, v := r.ask(c.id, c.method, c.args...); kind != "#RETURN" {
					b.Fatal(v)
				}
			}
		})
	}
}
