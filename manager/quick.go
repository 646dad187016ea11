package manager

import (
	"bytes"

	"example.com/atrium/pickle"
)

// methodNames are those that clients call, so that a call needs no string of its own.
var methodNames = func() map[string]string {
	names := map[string]string{"__str__": "__str__", "__repr__": "__repr__", "#GETVALUE": "#GETVALUE"}
	for _, k := range kinds() {
		for _, m := range k.exposed {
			names[m] = m
		}
	}
	return names
}()

// quick reads a request of a few strings and numbers, of protocol 4 or 5, as stock Python and the Go client write it; o is nil for
// any other, and for one of an object or a method that is not there.
func (c *session) quick(msg []byte) (o *object, method string, args []any) {
	b := msg
	if len(b) < 3 || b[0] != 0x80 || b[1] != 4 && b[1] != 5 {
		return nil, "", nil
	}
	if b = passFrame(b[2:]); b[0] != opMark {
		return nil, "", nil
	}
	ident, b, ok1 := quickName(b[1:])
	name, b, ok2 := quickName(b)
	if !ok1 || !ok2 {
		return nil, "", nil
	}
	if method, ok1 = methodNames[string(name)]; !ok1 {
		return nil, "", nil
	}
	args, b, ok1 = quickArgs(b)
	if !ok1 || len(b) == 0 || b[0] != opEmptyDict {
		return nil, "", nil
	}
	b, ok1 = bytes.CutPrefix(passMemo(b[1:]), []byte{opTuple})
	if !ok1 || string(passMemo(b)) != string(rune(opStop)) {
		return nil, "", nil
	}
	t := c.server.objects
	t.mu.RLock()
	o = t.known[string(ident)].object()
	t.mu.RUnlock()
	return o, method, args
}

// quickName takes a short str.
func quickName(b []byte) (name, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != opText1 {
		return nil, nil, false
	}
	name, rest, ok = quickString(b[1:], true)
	return name, passMemo(rest), ok
}

// quickArgs takes a tuple.
func quickArgs(b []byte) (args []any, rest []byte, ok bool) {
	marked := len(b) > 0 && b[0] == opMark
	if marked {
		b = b[1:]
	}
	for len(b) > 0 {
		op := b[0]
		switch {
		case op == opTuple && marked,
			op == opEmptyTuple && !marked && len(args) == 0,
			op >= opTuple1 && op <= opTuple3 && !marked && len(args) == int(op-opTuple1)+1:
			return args, passMemo(b[1:]), true
		}
		var v any
		if v, b, ok = quickValue(b); !ok {
			return nil, nil, false
		}
		args = append(args, v)
	}
	return nil, nil, false
}

// quickPack appends an answer; false when it has something that it cannot write.
func quickPack(b []byte, kind string, payload any) ([]byte, bool) {
	if kind != "#RETURN" {
		return b, false
	}
	b = append(b, 0x80, 4)
	b = append(b, returned...)
	if raw, ok := payload.(pickle.Bytes); ok {
		payload = []byte(raw)
	}
	b, ok := quickScalar(b, payload)
	return append(b, opTuple2, opStop), ok
}
