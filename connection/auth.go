package connection

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
)

// A handshake:
//
//	listener                         client
//	#CHALLENGE# M1            ──►
//	                          ◄──    mac of M1
//	#WELCOME# or #FAILURE#    ──►
//	                          ◄──    #CHALLENGE# M2
//	mac of M2                 ──►
//	                          ◄──    #WELCOME# or #FAILURE#
//
// Each is a frame of at most 256 bytes.
const (
	handshakeMost = 256
	randomBytes   = 40
	challengeWord = "#CHALLENGE#"
	welcomeWord   = "#WELCOME#"
	failureWord   = "#FAILURE#"
)

// handshake is one, under way.
type handshake struct {
	in     *reader
	out    io.Writer
	conf   *Config
	random func([]byte) // crypto/rand's outside of tests
	buf    [handshakeMost]byte
}

func newHandshake(in *reader, out io.Writer, conf *Config) *handshake {
	return &handshake{in: in, out: out, conf: conf, random: func(b []byte) { _, _ = rand.Read(b) }} // which never fails
}

// serve is a listener's part, and join a client's.
func (h *handshake) serve() error {
	if err := h.deliver(); err != nil {
		return err
	}
	return h.answer()
}

func (h *handshake) join() error {
	if err := h.answer(); err != nil {
		return err
	}
	return h.deliver()
}

func (h *handshake) send(words ...[]byte) error {
	b := make([]byte, 0, shortHead+handshakeMost)
	b = appendHeader(b, len(bytes.Join(words, nil)))
	for _, w := range words {
		b = append(b, w...)
	}
	_, err := h.out.Write(b)
	return h.lost("send to it", err)
}

func (h *handshake) recv() ([]byte, error) {
	msg, err := h.in.next(h.buf[:0], handshakeMost)
	return msg, h.lost("hear from it", err)
}

// lost says what it may mean that the peer is gone or silent.
func (h *handshake) lost(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return authentication("the peer did not go on with the handshake within %v; has it an authkey at all, and does it accept connections? (%w)", h.conf.HandshakeTimeout, cause(err))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), ended(err):
		return authentication("the peer ended the connection in the handshake: another authkey, a user that it does not serve, or its end (%w)", cause(err))
	}
	return authentication("cannot %s: %w", what, cause(err))
}

// deliver lets the peer prove that it has the key. Whatever is wrong with its answer, it is told the same.
func (h *handshake) deliver() error {
	challenge := make([]byte, 0, handshakeMost)
	challenge = append(challenge, '{')
	challenge = append(challenge, h.conf.Digest...)
	challenge = append(challenge, '}')
	challenge = challenge[:len(challenge)+randomBytes]
	h.random(challenge[len(challenge)-randomBytes:])
	if err := h.send([]byte(challengeWord), challenge); err != nil {
		return err
	}
	answer, err := h.recv()
	if err != nil {
		return err
	}
	if err := h.verify(challenge, answer); err != nil {
		_ = h.send([]byte(failureWord)) // what is wrong is known
		return err
	}
	return h.send([]byte(welcomeWord))
}

func (h *handshake) verify(challenge, answer []byte) error {
	digest, proof, ok := split(answer)
	if !ok {
		return authentication("the peer did not answer the challenge but sent %q; has it an authkey?", answer[:min(len(answer), 40)])
	}
	if digest == "" {
		digest = "md5"
	}
	if digest == "md5" && h.conf.RefuseMD5 {
		return authentication("the peer knows nothing but MD5, which Config.RefuseMD5 refuses; CPython 3.12 and newer have more")
	}
	if !hmac.Equal(mac(digest, h.conf.Authkey, challenge), proof) {
		return authentication("the digest that came is wrong: the peer has another authkey")
	}
	return nil
}

// answer proves to the peer that we have the key.
func (h *handshake) answer() error {
	msg, err := h.recv()
	if err != nil {
		return err
	}
	challenge, ok := bytes.CutPrefix(msg, []byte(challengeWord))
	if !ok {
		return authentication("the peer sent %q instead of a challenge; has it no authkey?", msg[:min(len(msg), 40)])
	}
	if len(challenge) < legacyChallenge { // one we could be made to sign for another purpose
		return authentication("the peer's challenge has %d bytes, which is too short", len(challenge))
	}
	digest, _, ok := split(challenge)
	if !ok {
		return authentication("the peer asks for a digest that nobody knows")
	}
	proof := []byte(nil)
	if digest == "" {
		proof = mac("md5", h.conf.Authkey, challenge)
	} else {
		proof = append(fmt.Appendf(nil, "{%s}", digest), mac(digest, h.conf.Authkey, challenge)...)
	}
	if (digest == "" || digest == "md5") && h.conf.RefuseMD5 {
		return authentication("the peer asks for MD5, which Config.RefuseMD5 refuses")
	}
	if err := h.send(proof); err != nil {
		return err
	}
	if msg, err = h.recv(); err != nil {
		return err
	}
	if string(msg) != welcomeWord {
		return authentication("the digest sent was rejected: the peer has another authkey")
	}
	return nil
}
