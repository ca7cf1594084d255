package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxHead bounds the head of a request or of an upstream's answer, and its trailers.
const maxHead = 1 << 20

var errHead = fmt.Errorf("the head is longer than %d bytes", maxHead)

// errNotHTTP is what a connection says whose first byte begins no HTTP request: TLS,
// above all.
var errNotHTTP = errors.New("not the beginning of an HTTP request")

// readLine reads one line with its end, of at most limit bytes. What came before an error is returned too.
func readLine(br *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > limit:
			return line, errHead
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return line, err
		}
	}
}

// readHead reads up to the empty line that ends a head. What came before an error is returned too.
func readHead(br *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		line, err := readLine(br, maxHead-len(head))
		head = append(head, line...)
		if err != nil {
			return head, err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return head, nil
		}
	}
}

func parseRequest(head []byte) (*http.Request, error) {
	return http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
}

func parseAnswer(head []byte, method string) (*http.Response, error) {
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), &http.Request{Method: method})
}

// framing says how long a body is.
type framing struct {
	chunked bool
	length  int64 // -1: up to the end of the connection
}

// frame reads the framing from what net/http made of a head.
func frame(encoding []string, length int64) framing {
	return framing{chunked: len(encoding) > 0 && encoding[0] == "chunked", length: length}
}

// copy moves one body: as it came to raw, and without chunking to body.
func (f framing) copy(raw, body io.Writer, br *bufio.Reader) error {
	both := io.MultiWriter(raw, body)
	switch {
	case f.chunked:
		return copyChunks(raw, both, br)
	case f.length < 0:
		_, err := io.Copy(both, struct{ io.Reader }{br})
		return err
	default:
		_, err := io.CopyN(both, br, f.length)
		return unexpected(err)
	}
}

func copyChunks(raw, both io.Writer, br *bufio.Reader) error {
	for {
		line, err := readLine(br, 4096)
		if err != nil {
			return unexpected(err)
		}
		size, _, _ := strings.Cut(string(bytes.TrimRight(line, "\r\n")), ";")
		n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 62)
		if err != nil {
			return &chunkError{err}
		}
		if _, err := raw.Write(line); err != nil {
			return err
		}
		if n == 0 {
			return copyTrailers(raw, br)
		}
		if _, err := io.CopyN(both, br, int64(n)); err != nil { //nolint:gosec // ParseUint kept it below 1<<62
			return unexpected(err)
		}
		if _, err := io.CopyN(raw, br, int64(len("\r\n"))); err != nil {
			return unexpected(err)
		}
	}
}

func copyTrailers(raw io.Writer, br *bufio.Reader) error {
	trailers, err := readHead(br)
	if err != nil {
		return unexpected(err)
	}
	_, err = raw.Write(trailers)
	return err
}

// chunkError is why a body is not chunked as it should be.
type chunkError struct{ err error }

func (e *chunkError) Error() string { return "the size of a chunk: " + e.err.Error() }
func (e *chunkError) Unwrap() error { return e.err }

// unexpected says that an end came too early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// withHeader returns head with one header in place of all of its name, or with none if values is empty.
func withHeader(head []byte, name string, values ...string) []byte {
	lines := bytes.SplitAfter(head, []byte("\n"))
	out := append([]byte(nil), lines[0]...)
	dropping := false
	for _, line := range lines[1:] {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' { // else it goes on with the header before it
			field, _, _ := strings.Cut(string(line), ":")
			dropping = strings.EqualFold(strings.TrimSpace(field), name)
		}
		if !dropping {
			out = append(out, line...)
		}
	}
	for _, v := range values {
		out = append(out, name+": "+v+"\r\n"...)
	}
	return append(out, "\r\n"...)
}

// token reports whether b may begin a method.
func token(b byte) bool { return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' }
