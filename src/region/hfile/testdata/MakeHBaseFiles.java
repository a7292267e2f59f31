import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.*;
import org.apache.hadoop.hbase.*;
import org.apache.hadoop.hbase.io.hfile.*;
import org.apache.hadoop.hbase.io.compress.Compression;
import org.apache.hadoop.hbase.io.encoding.DataBlockEncoding;
import org.apache.hadoop.hbase.regionserver.*;
import org.apache.hadoop.hbase.util.*;
import java.util.*;

/** Writes the *.hfile and cells*.txt beside it with the StoreFileWriter of HBase; see README.md. */
public class MakeHBaseFiles {
  static final byte[] F = Bytes.toBytes("cf");

  static List<KeyValue> cells(boolean tags) {
    List<KeyValue> list = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      byte[] row = Bytes.toBytes(String.format("row-%04d", i * 3));
      for (int q = 0; q < 1 + i % 3; q++) {
        byte[] qual = q == 0 ? new byte[0] : Bytes.toBytes("qualifier-" + q);
        for (int v = 0; v < 1 + (i + q) % 2; v++) {
          long ts = i % 7 == 0 ? 5_000_000_000_000_000_000L + i - v : 1_700_000_000_000L + 1000 * i - v;
          byte[] value = i % 5 == 0 ? new byte[0] : Bytes.toBytes("value-" + (i / 4) + "-" + q);
          KeyValue.Type type = i % 11 == 5 && q == 1 ? KeyValue.Type.DeleteColumn
            : i % 13 == 7 && q == 0 && v == 0 ? KeyValue.Type.DeleteFamily : KeyValue.Type.Put;
          if (type != KeyValue.Type.Put) value = new byte[0];
          List<Tag> t = new ArrayList<>();
          if (tags && i % 2 == 0) {
            t.add(new ArrayBackedTag((byte) 8, Bytes.toBytes((long) (i % 6))));
            if (i % 4 == 0) t.add(new ArrayBackedTag((byte) 70, Bytes.toBytes("tag-" + i)));
          }
          KeyValue kv = new KeyValue(row, F, qual, ts, type, value, t);
          kv.setSequenceId(i % 9 == 0 ? 0 : i * 1000L);
          list.add(kv);
        }
      }
    }
    list.sort(CellComparator.getInstance());
    return list;
  }

  public static void main(String[] a) throws Exception {
    Configuration conf = HBaseConfiguration.create();
    conf.setInt("hfile.index.block.max.size", 300);
    conf.setInt("hfile.index.block.min.entries", 4);
    conf.setInt("io.storefile.bloom.block.size", 128);
    FileSystem fs = FileSystem.getLocal(conf).getRawFileSystem();
    CacheConfig cc = new CacheConfig(conf);
    Path dir = new Path(a[0]);
    make(conf, fs, cc, new Path(dir, "plain.hfile"), "NONE", "NONE", BloomType.ROW, false, "CRC32C");
    make(conf, fs, cc, new Path(dir, "gzip-rowcol-tags.hfile"), "GZ", "NONE", BloomType.ROWCOL, true, "CRC32");
    for (String e : new String[] {"PREFIX", "DIFF", "FAST_DIFF", "ROW_INDEX_V1"})
      make(conf, fs, cc, new Path(dir, e.toLowerCase().replace('_', '-') + ".hfile"), "NONE", e, BloomType.ROW, true, "CRC32C");
    make(conf, fs, cc, new Path(dir, "fast-diff-gzip-no-tags.hfile"), "GZ", "FAST_DIFF", BloomType.NONE, false, "CRC32C");
    StringBuilder b = new StringBuilder();
    for (boolean tags : new boolean[] {false, true}) {
      b.setLength(0);
      for (KeyValue kv : cells(tags)) {
        b.append(Bytes.toHex(kv.getBuffer(), kv.getOffset(), kv.getLength())).append(" @").append(kv.getSequenceId()).append('\n');
      }
      try (java.io.FileWriter w = new java.io.FileWriter(a[0] + (tags ? "/cells-tags.txt" : "/cells.txt"))) { w.write(b.toString()); }
    }
  }

  static void make(Configuration conf, FileSystem fs, CacheConfig cc, Path p, String comp, String enc, BloomType bloom, boolean tags, String sum) throws Exception {
    HFileContext ctx = new HFileContextBuilder().withBlockSize(400).withIncludesMvcc(true).withIncludesTags(tags)
      .withCompression(Compression.Algorithm.valueOf(comp)).withDataBlockEncoding(DataBlockEncoding.valueOf(enc))
      .withCompressTags(tags).withChecksumType(ChecksumType.nameToType(sum)).withCreateTime(1_700_000_000_000L)
      .withColumnFamily(F).withTableName(Bytes.toBytes("t")).build();
    fs.delete(p, false);
    StoreFileWriter w = new StoreFileWriter.Builder(conf, cc, fs).withFilePath(p).withFileContext(ctx).withBloomType(bloom).withMaxKeyCount(200).build();
    for (KeyValue kv : cells(tags)) w.append(kv);
    w.appendMetadata(49_000L, true);
    w.close();
  }
}
