package main

import (
	"context"
	"math"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// rawCodec sends and gives bytes as they are. Protobuf would only add work to the peer's side.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Name() string { return "raw" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// grpcSide calls a grpcio server from grpc-go over a Unix socket.
func grpcSide() side {
	return side{name: "gRPC over a Unix socket", open: func(ctx context.Context, h *host) (*session, error) {
		p, info, err := startPython(ctx, h, "calls.py", "grpc", nil)
		if err != nil {
			return nil, err
		}
		conn, err := grpc.NewClient("unix:"+info["address"],
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallSendMsgSize(math.MaxInt)))
		if err != nil {
			p.kill()
			return nil, err
		}
		call := func(ctx context.Context, function string, in []byte) (out []byte, err error) {
			err = conn.Invoke(ctx, "/bench/"+function, &in, &out)
			return out, err
		}
		return bytesCalls(call, func() error {
			conn.Close()
			return p.stop()
		}), nil
	}}
}
