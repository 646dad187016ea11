package manager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"example.com/atrium/connection"
	"example.com/atrium/pickle"
)

// A link is one of a client's connections, on which one call goes after the other: what the manager takes for a thread.
type link struct {
	client *Client
	conn   *connection.Conn
	in     []byte // buffers
	out    []byte
	failed error // why it is of no use any more
	lent   bool  // its connection is another's since
}

var noKeywords = pickle.NewDict()

// appendRequest pickles a request.
func appendRequest(b []byte, ident any, method string, args pickle.Tuple, kwds *pickle.Dict) ([]byte, error) {
	if kwds == nil {
		if text, ok := ident.(string); ok {
			if quick, ok := quickRequest(b, text, method, args); ok {
				return quick, nil
			}
		}
		kwds = noKeywords
	}
	return pickle.Append(b, pickle.Tuple{ident, method, args, kwds})
}

// ask makes a call and waits for its result. After an error that is not what the manager raised, or about the arguments, nothing goes over the link any
// more, and failed says so.
func (l *link) ask(ctx context.Context, ident any, method string, args pickle.Tuple, kwds *pickle.Dict) (any, error) {
	if err := l.send(ctx, ident, method, args, kwds); err != nil {
		return nil, err
	}
	return l.answer(ctx)
}

func (l *link) send(ctx context.Context, ident any, method string, args pickle.Tuple, kwds *pickle.Dict) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b, err := appendRequest(l.out[:0], ident, method, args, kwds)
	if err != nil {
		return err
	}
	l.out = kept(b)
	if err := l.conn.SendBytes(ctx, b); err != nil {
		return l.fail(err)
	}
	return nil
}

// answer waits for what the manager says to a request.
func (l *link) answer(ctx context.Context) (any, error) {
	msg, err := l.conn.RecvBytes(ctx, l.in)
	if err != nil {
		return nil, l.fail(err)
	}
	l.in = kept(msg)
	if v, ok := quickResult(msg); ok {
		return v, nil
	}
	v, err := l.client.decode(msg)
	if err != nil {
		return nil, fmt.Errorf("the answer: %w", err)
	}
	return l.client.result(v)
}

// fail notes that the link is of no use any more.
func (l *link) fail(err error) error {
	if err == io.EOF || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, connection.ErrGone) {
		err = fmt.Errorf("%w (%w)", ErrGone, err)
	}
	l.failed = err
	return err
}

// errAnswer is what no manager says.
var errAnswer = errors.New("this is no answer of a manager")

// result takes an answer apart.
func (c *Client) result(v any) (any, error) {
	pair, _ := v.(pickle.Tuple)
	if len(pair) != 2 {
		return nil, fmt.Errorf("%w: %s", errAnswer, pickle.ReprMax(v, mostText))
	}
	kind, _ := pair[0].(string)
	switch kind {
	case "#RETURN":
		return pair[1], nil
	case "#PROXY":
		made, _ := pair[1].(pickle.Tuple)
		if len(made) == 2 {
			if ident, parts, ok := readToken(made[1]); ok {
				typeid, _ := parts[0].(string)
				return c.owned(typeid, ident, made[0]), nil
			}
		}
	case "#ERROR":
		return nil, raised(pair[1])
	case "#TRACEBACK", "#UNSERIALIZABLE":
		text, _ := pair[1].(string)
		return nil, traced(kind, text)
	}
	return nil, fmt.Errorf("%w: %s", errAnswer, pickle.ReprMax(v, mostText))
}

// decode reads a pickle. Proxies in it become the client's.
func (c *Client) decode(msg []byte) (any, error) {
	v, err := pickle.Decoder{Limits: c.conf.Limits}.Decode(msg)
	if err != nil || !bytes.Contains(msg, []byte("RebuildProxy")) {
		return v, err
	}
	r := resolver{proxy: c.found, done: map[any]any{}}
	v = r.value(v)
	return v, r.err
}
