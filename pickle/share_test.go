package pickle_test

import (
	"bytes"
	"testing"

	"example.com/atrium/pickle"
)

// Share makes large bytes a part of the pickle's memory, and leaves small ones, and those that are a small part of it, alone.
func TestShare(t *testing.T) {
	big, small := bytes.Repeat([]byte("b"), 64<<10), bytes.Repeat([]byte("s"), 64<<10-1)
	for _, c := range []struct {
		name   string
		value  any
		share  bool
		shared bool
	}{
		{"big", pickle.Bytes(big), true, true},
		{"big bytearray", &pickle.ByteArray{Data: big}, true, true},
		{"not asked for", pickle.Bytes(big), false, false},
		{"small", pickle.Bytes(small), true, false},
		{"a small part", pickle.Tuple{pickle.Bytes(big), string(bytes.Repeat([]byte("t"), 70<<10))}, true, false},
	} {
		data, err := pickle.Encoder{Protocol: 5}.Append(nil, c.value)
		if err != nil {
			t.Fatal(err)
		}
		v, err := pickle.Decoder{Share: c.share}.Decode(data)
		if err != nil || !pickle.Equal(v, c.value) {
			t.Fatalf("%s: %v", c.name, err)
		}
		i := bytes.IndexAny(data, "bs")
		data[i+100] = 'X'
		if shared := !pickle.Equal(v, c.value); shared != c.shared {
			t.Errorf("%s: shared %v, want %v", c.name, shared, c.shared)
		}
		if b, ok := v.(pickle.Bytes); ok && cap(b) > len(b) {
			t.Errorf("%s: an append would write over what follows", c.name)
		}
	}
}
