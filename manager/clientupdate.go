package manager

import (
	"context"
	"fmt"

	"example.com/atrium/pickle"
)

// update replaces the value at a key of an object by what f makes of it, if it is still there by then, else again.
func update[V any](ctx context.Context, p Proxy, key any, f func(v V, there bool) (V, error)) (V, error) {
	var none V
	if p.o == nil {
		return none, errNone
	}
	if !p.o.client.atrium {
		return none, p.o.failed("update", ErrNoUpdate)
	}
	now, err := p.ask(ctx, peekMethod, pickle.Tuple{key}, nil)
	for err == nil {
		var v V
		old, there := now.(pickle.Bytes)
		if there {
			if err = p.o.client.Unmarshal(old, &v); err != nil {
				break
			}
		}
		made, mistake := f(v, there)
		if mistake != nil {
			return none, mistake
		}
		var answer any
		if answer, err = p.ask(ctx, swapMethod, pickle.Tuple{key, now, made}, nil); err != nil {
			break
		}
		pair, _ := answer.(pickle.Tuple)
		if len(pair) != 2 {
			err = fmt.Errorf("%w: %s", errAnswer, pickle.ReprMax(answer, mostText))
			break
		}
		if pair[0] == true {
			return made, nil
		}
		now = pair[1]
	}
	return none, p.o.failed("update", err)
}
