// Checks a Kerbtrail log with a verifier that is not ours: golang.org/x/mod/sumdb (note and tlog, as the go command uses
// them against the checksum database). Ours here is only where the bytes are found: the paths of C2SP tlog-tiles (height 8,
// so no height in the path) and the three lines of C2SP tlog-checkpoint. Nothing below golang.org/x/mod v0.40.0 will do: it
// did not check all full tiles against their parents (CVE-2026-56865), and passes logs that the spec has tampered with.
//
//	tlog-go --key <vkey> (--dir <folder> | --url <prefix> [--token <token>]) [--positions 1,2,3] [--old <checkpoint file>]
//
// Prints a report as JSON and ends with 0, or {"error": …} and 1.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	// The largest resource: an entry bundle of 256 entries of 65,535 bytes behind their lengths.
	bytesMax = tileWidth * (2 + 65535)
)

type checkpoint struct {
	Origin     string   `json:"origin"`
	Size       int64    `json:"size"`
	Root       string   `json:"root"`
	VerifiedBy []string `json:"verifiedBy"`

	tree tlog.Tree
}

type record struct {
	Position int64            `json:"position"`
	Leaf     tlog.Hash        `json:"leaf"`
	Proof    tlog.RecordProof `json:"proof"`
}

type growth struct {
	From  int64          `json:"from"`
	Proof tlog.TreeProof `json:"proof"`
}

type report struct {
	checkpoint
	Records     []record `json:"records"`
	Consistency *growth  `json:"consistency,omitempty"`
}

func main() {
	done, err := run(os.Args[1:])
	out := json.NewEncoder(os.Stdout)
	if err != nil {
		out.Encode(map[string]string{"error": err.Error()})
		os.Exit(1)
	}
	out.Encode(done)
}

func run(args []string) (*report, error) {
	flags := flag.NewFlagSet("tlog-go", flag.ContinueOnError)
	var keys []string
	flags.Func("key", "verifier key that is trusted (may be given again)", func(key string) error {
		keys = append(keys, key)
		return nil
	})
	dir := flags.String("dir", "", "folder that holds checkpoint and tile/")
	url := flags.String("url", "", "prefix that serves checkpoint and tile/")
	token := flags.String("token", "", "bearer token for --url")
	positions := flags.String("positions", "", "positions to check, from 1, with commas between")
	old := flags.String("old", "", "file of an earlier checkpoint that the log must extend")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	verifiers, err := parseKeys(keys)
	if err != nil {
		return nil, err
	}
	source, err := newSource(*dir, *url, *token)
	if err != nil {
		return nil, err
	}
	msg, err := source.get("checkpoint")
	if err != nil {
		return nil, err
	}
	now, err := openCheckpoint(msg, verifiers)
	if err != nil {
		return nil, err
	}
	hashes := tlog.TileHashReader(now.tree, source)
	if err := checkRoot(now.tree, hashes); err != nil {
		return nil, err
	}
	done := &report{checkpoint: *now, Records: []record{}}
	for _, text := range strings.FieldsFunc(*positions, func(r rune) bool { return r == ',' }) {
		position, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		checked, err := checkEntry(now.tree, position, source, hashes)
		if err != nil {
			return nil, fmt.Errorf("position %d: %w", position, err)
		}
		done.Records = append(done.Records, *checked)
	}
	if *old != "" {
		if done.Consistency, err = checkGrowth(now.tree, *old, verifiers, hashes); err != nil {
			return nil, fmt.Errorf("growth: %w", err)
		}
	}
	return done, nil
}

func parseKeys(keys []string) (note.Verifiers, error) {
	var list []note.Verifier
	for _, key := range keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return nil, err
		}
		list = append(list, verifier)
	}
	return note.VerifierList(list...), nil
}

// openCheckpoint is C2SP tlog-checkpoint over note.Open; tlog.ParseTree knows the checksum database's own text only.
func openCheckpoint(msg []byte, verifiers note.Verifiers) (*checkpoint, error) {
	opened, err := note.Open(msg, verifiers)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		return nil, errors.New("checkpoint: not origin, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return nil, fmt.Errorf("checkpoint: no tree size: %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	found := &checkpoint{Origin: lines[0], Size: size, Root: lines[2], tree: tlog.Tree{N: size, Hash: root}}
	for _, sig := range opened.Sigs {
		found.VerifiedBy = append(found.VerifiedBy, fmt.Sprintf("%s+%08x", sig.Name, sig.Hash))
	}
	return found, nil
}

func checkRoot(tree tlog.Tree, hashes tlog.HashReader) error {
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	if root != tree.Hash {
		return fmt.Errorf("root: the tiles make %v, the checkpoint says %v", root, tree.Hash)
	}
	return nil
}

func checkEntry(tree tlog.Tree, position int64, source *source, hashes tlog.HashReader) (*record, error) {
	index := position - 1
	if index < 0 || index >= tree.N {
		return nil, fmt.Errorf("not in a tree of %d", tree.N)
	}
	entry, err := source.entry(tree.N, index)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil {
		return nil, err
	}
	leaf := tlog.RecordHash(entry)
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf); err != nil {
		return nil, err
	}
	return &record{Position: position, Leaf: leaf, Proof: proof}, nil
}

func checkGrowth(tree tlog.Tree, file string, verifiers note.Verifiers, hashes tlog.HashReader) (*growth, error) {
	msg, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	before, err := openCheckpoint(msg, verifiers)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveTree(tree.N, before.Size, hashes)
	if err != nil {
		return nil, err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, before.Size, before.tree.Hash); err != nil {
		return nil, err
	}
	return &growth{From: before.Size, Proof: proof}, nil
}

// source reads a log's resources by their C2SP paths. It is a tlog.TileReader.
type source struct {
	get  func(path string) ([]byte, error)
	kept map[string][]byte
}

func newSource(dir, url, token string) (*source, error) {
	if (dir == "") == (url == "") {
		return nil, errors.New("give one of --dir and --url")
	}
	found := &source{kept: map[string][]byte{}}
	found.get = func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, filepath.FromSlash(path))) }
	if url != "" {
		client := &http.Client{Timeout: 30 * time.Second}
		found.get = func(path string) ([]byte, error) { return fetch(client, strings.TrimSuffix(url, "/")+"/"+path, token) }
	}
	return found, nil
}

func fetch(client *http.Client, url, token string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, bytesMax))
}

func (s *source) Height() int { return tileHeight }

// ReadTiles differs from the checksum database only in the path, which has no height there: tile/8/0/001 is tile/0/001.
func (s *source) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		bytes, err := s.keep("tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight)))
		if err != nil {
			return nil, err
		}
		data[i] = bytes
	}
	return data, nil
}

func (s *source) SaveTiles([]tlog.Tile, [][]byte) {}

func (s *source) keep(path string) ([]byte, error) {
	if bytes, ok := s.kept[path]; ok {
		return bytes, nil
	}
	bytes, err := s.get(path)
	if err == nil {
		s.kept[path] = bytes
	}
	return bytes, err
}

// entry reads it out of its bundle: uint16 lengths, big-endian, each before its entry.
func (s *source) entry(size, index int64) ([]byte, error) {
	bundle := tlog.Tile{H: tileHeight, L: 0, N: index / tileWidth, W: tileWidth}
	if rest := size - bundle.N*tileWidth; rest < tileWidth {
		bundle.W = int(rest)
	}
	path := "tile/entries/" + strings.TrimPrefix(bundle.Path(), fmt.Sprintf("tile/%d/0/", tileHeight))
	bytes, err := s.keep(path)
	if err != nil {
		return nil, err
	}
	for at := int64(0); ; at++ {
		if len(bytes) < 2 || len(bytes) < 2+int(binary.BigEndian.Uint16(bytes)) {
			return nil, fmt.Errorf("%s ends before entry %d", path, index%tileWidth)
		}
		end := 2 + int(binary.BigEndian.Uint16(bytes))
		if at == index%tileWidth {
			return bytes[2:end], nil
		}
		bytes = bytes[end:]
	}
}
