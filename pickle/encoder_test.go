package pickle

import (
	"errors"
	"testing"
)

type shy struct{ n int }

func (s *shy) MarshalPickle() (any, error) { return nil, errors.New("not me") }

type bold struct{ n int }

func (b bold) MarshalPickle() (any, error) { return b.n, nil }

// Encoder.Marshal is asked for each Marshaler, wherever it stands, also for what it gives itself.
func TestEncoderMarshal(t *testing.T) {
	v := struct {
		A *shy
		B []bold
		C any
		D *shy
	}{&shy{1}, []bold{{2}, {3}}, &shy{4}, nil}
	if _, err := (Encoder{}).Append(nil, v); err == nil {
		t.Error("a MarshalPickle that fails")
	}
	e := Encoder{Marshal: func(m Marshaler) (any, error) {
		if s, ok := m.(*shy); ok {
			return bold{10 * s.n}, nil
		}
		return m.MarshalPickle()
	}}
	b, err := e.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil || Repr(got) != "{'A': 10, 'B': [2, 3], 'C': 40, 'D': None}" {
		t.Error(Repr(got), err)
	}
	if _, err := Marshal(v); err == nil {
		t.Error("an encoder's Marshal stayed with the next one")
	}
}
