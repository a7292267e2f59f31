import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.CompareOperator;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableExistsException;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.TableNotDisabledException;
import org.apache.hadoop.hbase.TableNotEnabledException;
import org.apache.hadoop.hbase.TableNotFoundException;
import org.apache.hadoop.hbase.client.*;
import org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException;
import org.apache.hadoop.hbase.util.Bytes;

/**
 * Proves with HBase's own Java client that a server speaks HBase's protocol. Each step prints one line;
 * the first wrong answer ends the program with exit code 1. Usage: Interop HOST:PORT
 */
public final class Interop {
  static final TableName NAME = TableName.valueOf("interop");
  static final byte[] F = Bytes.toBytes("f");
  static final byte[] G = Bytes.toBytes("g");

  interface Step {
    void run() throws Exception;
  }

  static int steps;

  static void step(String name, Step step) throws Exception {
    long start = System.nanoTime();
    step.run();
    steps++;
    System.out.printf("ok %d - %s (%d ms)%n", steps, name, (System.nanoTime() - start) / 1_000_000);
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new IllegalStateException("not so: " + what);
  }

  static void equal(Object wanted, Object got, String what) {
    check(wanted.equals(got), what + ": wanted " + wanted + ", got " + got);
  }

  static void refused(Class<? extends Exception> wanted, Step step) throws Exception {
    try {
      step.run();
    } catch (Exception error) {
      for (Throwable at = error; at != null; at = at.getCause()) if (wanted.isInstance(at)) return;
      throw new IllegalStateException("wanted " + wanted.getName() + ", got " + error, error);
    }
    throw new IllegalStateException("wanted " + wanted.getName() + ", got no error");
  }

  static byte[] b(String text) {
    return Bytes.toBytes(text);
  }

  static String text(Result result, byte[] family, String qualifier) {
    return Bytes.toString(result.getValue(family, b(qualifier)));
  }

  static List<String> rows(Table table, Scan scan) throws IOException {
    List<String> rows = new ArrayList<>();
    try (ResultScanner scanner = table.getScanner(scan)) {
      for (Result row : scanner) rows.add(Bytes.toString(row.getRow()));
    }
    return rows;
  }

  public static void main(String[] args) throws Exception {
    Configuration conf = HBaseConfiguration.create();
    conf.set("hbase.client.registry.impl", "org.apache.hadoop.hbase.client.RpcConnectionRegistry");
    conf.set("hbase.client.bootstrap.servers", args[0]);
    conf.setInt("hbase.client.pause", 20);
    conf.setInt("hbase.client.retries.number", 10);
    // The limit on a cell is the server's to hold: the client's own check is switched off.
    conf.setInt("hbase.client.keyvalue.maxsize", 0);
    try (Connection connection = ConnectionFactory.createConnection(conf);
        Admin admin = connection.getAdmin();
        Table table = connection.getTable(NAME)) {
      tables(admin);
      data(table);
      mutations(table);
      conditions(table);
      scans(table);
      async(conf);
      large(table);
      flushed(admin, table);
      ends(admin, table);
    } catch (Throwable error) {
      error.printStackTrace();
      System.out.println("not ok - after " + steps + " steps: " + error);
      System.exit(1);
    }
    System.out.println("all " + steps + " steps passed");
    System.exit(0);
  }

  static void tables(Admin admin) throws Exception {
    step("create a table with splits", () -> {
      TableDescriptor table = TableDescriptorBuilder.newBuilder(NAME)
          .setColumnFamily(ColumnFamilyDescriptorBuilder.newBuilder(F).setMaxVersions(3).build())
          .setColumnFamily(ColumnFamilyDescriptorBuilder.of(G))
          .build();
      admin.createTable(table, new byte[][] {b("g"), b("p")});
      equal(3, admin.getRegions(NAME).size(), "regions");
      check(admin.isTableAvailable(NAME), "the table is available");
    });
    step("a table that exists is refused", () -> refused(TableExistsException.class,
        () -> admin.createTable(TableDescriptorBuilder.newBuilder(NAME)
            .setColumnFamily(ColumnFamilyDescriptorBuilder.of(F)).build())));
    step("list, exists and describe", () -> {
      check(Arrays.asList(admin.listTableNames()).contains(NAME), "the table is listed");
      check(admin.tableExists(NAME), "it exists");
      check(!admin.tableExists(TableName.valueOf("nowhere")), "another one does not");
      TableDescriptor table = admin.getDescriptor(NAME);
      equal(3, table.getColumnFamily(F).getMaxVersions(), "versions of f");
      equal(2, table.getColumnFamilyCount(), "families");
      refused(TableNotFoundException.class, () -> admin.getDescriptor(TableName.valueOf("nowhere")));
    });
    step("cluster metrics name the master and the servers", () -> {
      ClusterMetrics metrics = new ClusterMetrics(admin);
      check(metrics.servers > 0, "servers");
    });
  }

  static final class ClusterMetrics {
    final int servers;

    ClusterMetrics(Admin admin) throws IOException {
      org.apache.hadoop.hbase.ClusterMetrics metrics = admin.getClusterMetrics();
      check(metrics.getMasterName() != null, "a master");
      servers = metrics.getLiveServerMetrics().size();
    }
  }

  static void data(Table table) throws Exception {
    step("put and get in each region", () -> {
      for (String row : List.of("apple", "kiwi", "zebra")) {
        table.put(new Put(b(row)).addColumn(F, b("q"), b("value of " + row)).addColumn(G, b("n"), b("1")));
        Result got = table.get(new Get(b(row)));
        equal("value of " + row, text(got, F, "q"), row);
        equal(2, got.size(), "cells of " + row);
      }
      check(table.get(new Get(b("nobody"))).isEmpty(), "no such row");
      check(table.exists(new Get(b("kiwi"))), "exists");
    });
    step("versions and time ranges", () -> {
      for (long at = 1; at <= 5; at++) table.put(new Put(b("versions")).addColumn(F, b("q"), at, b("v" + at)));
      Result all = table.get(new Get(b("versions")).readAllVersions());
      equal(3, all.size(), "versions kept");
      equal("v5", text(all, F, "q"), "the newest");
      Result ranged = table.get(new Get(b("versions")).setTimeRange(3, 5).readVersions(10));
      equal(2, ranged.size(), "versions in [3, 5)");
      equal("v4", text(ranged, F, "q"), "the newest of these");
    });
    step("a batch of puts, gets and deletes", () -> {
      List<Put> puts = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        puts.add(new Put(b(String.format("%c-batch-%03d", 'a' + i % 26, i))).addColumn(F, b("q"), b("b" + i)));
      }
      table.put(puts);
      List<Row> mixed = new ArrayList<>();
      mixed.add(new Get(puts.get(0).getRow()));
      mixed.add(new Delete(puts.get(1).getRow()));
      mixed.add(new Put(b("c-new")).addColumn(F, b("q"), b("new")));
      mixed.add(new Increment(b("z-count")).addColumn(F, b("c"), 7));
      Object[] results = new Object[mixed.size()];
      table.batch(mixed, results);
      equal("b0", text((Result) results[0], F, "q"), "get in a batch");
      equal(7L, Bytes.toLong(((Result) results[3]).getValue(F, b("c"))), "increment in a batch");
      check(table.get(new Get(puts.get(1).getRow())).isEmpty(), "deleted in a batch");
      Result[] many = table.get(List.of(new Get(puts.get(2).getRow()), new Get(b("c-new")), new Get(b("none"))));
      equal("new", text(many[1], F, "q"), "multi-get");
      check(many[2].isEmpty(), "a missing row in a multi-get");
    });
    step("an unknown family is refused", () -> refused(NoSuchColumnFamilyException.class,
        () -> table.put(new Put(b("a")).addColumn(b("nofamily"), b("q"), b("v")))));
  }

  static void mutations(Table table) throws Exception {
    step("deletes of every kind", () -> {
      byte[] row = b("deletes");
      for (long at = 1; at <= 3; at++) {
        table.put(new Put(row).addColumn(F, b("a"), at, b("a" + at)).addColumn(F, b("b"), at, b("b" + at)));
      }
      table.delete(new Delete(row).addColumn(F, b("a"), 3));
      equal("a2", text(table.get(new Get(row)), F, "a"), "after a version was deleted");
      table.delete(new Delete(row).addColumn(F, b("b")));
      equal("b2", text(table.get(new Get(row)), F, "b"), "after the newest version was deleted");
      table.delete(new Delete(row).addColumns(F, b("a")));
      check(!table.get(new Get(row)).containsColumn(F, b("a")), "the column is gone");
      table.delete(new Delete(row).addFamilyVersion(F, 2));
      equal("b1", text(table.get(new Get(row)), F, "b"), "after a family version was deleted");
      table.delete(new Delete(row).addFamily(F));
      check(table.get(new Get(row)).isEmpty(), "the family is gone");
      table.put(new Put(row).addColumn(F, b("q"), b("again")).addColumn(G, b("q"), b("again")));
      table.delete(new Delete(row));
      check(table.get(new Get(row)).isEmpty(), "the row is gone");
      table.put(new Put(row).addColumn(F, b("q"), b("after")));
      equal("after", text(table.get(new Get(row)), F, "q"), "a put after the delete");
    });
    step("increment and append", () -> {
      byte[] row = b("counter");
      equal(5L, table.incrementColumnValue(row, F, b("c"), 5), "first increment");
      equal(3L, table.incrementColumnValue(row, F, b("c"), -2), "second increment");
      Result both = table.increment(new Increment(row).addColumn(F, b("c"), 1).addColumn(F, b("d"), 10));
      equal(4L, Bytes.toLong(both.getValue(F, b("c"))), "two columns, first");
      equal(10L, Bytes.toLong(both.getValue(F, b("d"))), "two columns, second");
      table.append(new Append(row).addColumn(F, b("t"), b("ab")));
      Result appended = table.append(new Append(row).addColumn(F, b("t"), b("cd")));
      equal("abcd", text(appended, F, "t"), "appended");
      Result silent = table.append(new Append(row).addColumn(F, b("t"), b("e")).setReturnResults(false));
      check(silent == null || silent.isEmpty(), "no result when none is asked");
    });
    step("an atomic mutation of a row", () -> {
      byte[] row = b("atomic");
      table.put(new Put(row).addColumn(F, b("old"), b("x")));
      table.mutateRow(RowMutations.of(List.of(
          new Put(row).addColumn(F, b("new"), b("y")), new Delete(row).addColumns(F, b("old")))));
      Result got = table.get(new Get(row));
      equal("y", text(got, F, "new"), "put");
      check(!got.containsColumn(F, b("old")), "deleted");
    });
  }

  static void conditions(Table table) throws Exception {
    step("check and mutate with every comparison", () -> {
      byte[] row = b("checked");
      Put put = new Put(row).addColumn(F, b("q"), b("m"));
      check(table.checkAndMutate(CheckAndMutate.newBuilder(row).ifNotExists(F, b("q")).build(put)).isSuccess(),
          "if absent, when absent");
      check(!table.checkAndMutate(CheckAndMutate.newBuilder(row).ifNotExists(F, b("q")).build(put)).isSuccess(),
          "if absent, when present");
      check(holds(table, row, CompareOperator.EQUAL, "m"), "equal");
      check(!holds(table, row, CompareOperator.EQUAL, "n"), "not equal");
      check(holds(table, row, CompareOperator.NOT_EQUAL, "n"), "NOT_EQUAL");
      check(holds(table, row, CompareOperator.LESS, "a"), "a is less than m");
      check(!holds(table, row, CompareOperator.LESS, "z"), "z is not less than m");
      check(holds(table, row, CompareOperator.LESS_OR_EQUAL, "m"), "LESS_OR_EQUAL");
      check(holds(table, row, CompareOperator.GREATER, "z"), "GREATER");
      check(holds(table, row, CompareOperator.GREATER_OR_EQUAL, "m"), "GREATER_OR_EQUAL");
    });
    step("check and put, check and delete, the old way", () -> {
      byte[] row = b("checked");
      check(table.checkAndMutate(row, F).qualifier(b("q")).ifEquals(b("m"))
          .thenPut(new Put(row).addColumn(F, b("q"), b("n"))), "put");
      check(table.checkAndMutate(row, F).qualifier(b("q")).ifEquals(b("n"))
          .thenDelete(new Delete(row)), "delete");
      check(table.get(new Get(row)).isEmpty(), "gone");
    });
    step("check and mutate a row atomically", () -> {
      byte[] row = b("checked-row");
      table.put(new Put(row).addColumn(F, b("q"), b("1")));
      RowMutations both = RowMutations.of(List.of(
          new Put(row).addColumn(F, b("q"), b("2")), new Put(row).addColumn(G, b("q"), b("3"))));
      CheckAndMutateResult result = table.checkAndMutate(
          CheckAndMutate.newBuilder(row).ifEquals(F, b("q"), b("1")).build(both));
      check(result.isSuccess(), "went ahead");
      equal("3", text(table.get(new Get(row)), G, "q"), "both were written");
    });
  }

  static boolean holds(Table table, byte[] row, CompareOperator operator, String value) throws IOException {
    return table.checkAndMutate(CheckAndMutate.newBuilder(row).ifMatches(F, b("q"), operator, b(value))
        .build(new Put(row).addColumn(F, b("other"), b(value)))).isSuccess();
  }

  static void scans(Table table) throws Exception {
    step("scan forward over all regions", () -> {
      List<String> all = rows(table, new Scan());
      List<String> sorted = new ArrayList<>(all);
      sorted.sort(null);
      equal(sorted, all, "rows are in order");
      check(all.size() > 500, "all rows: " + all.size());
      List<String> small = rows(table, new Scan().setCaching(7));
      equal(all, small, "the same with small pages");
      List<String> tiny = rows(table, new Scan().setMaxResultSize(300));
      equal(all, tiny, "the same with tiny replies");
    });
    step("scan in reverse", () -> {
      List<String> all = rows(table, new Scan());
      List<String> reversed = rows(table, new Scan().setReversed(true).setCaching(50));
      java.util.Collections.reverse(reversed);
      equal(all, reversed, "the same rows, the other way round");
    });
    step("scan with bounds, limit and columns", () -> {
      List<String> some = rows(table, new Scan().withStartRow(b("f-")).withStopRow(b("h-"), true));
      check(some.stream().allMatch(r -> r.compareTo("f-") >= 0 && r.compareTo("h-") <= 0), "in bounds");
      equal(5, rows(table, new Scan().setLimit(5)).size(), "limit");
      equal(1, rows(table, new Scan().withStartRow(b("kiwi")).setOneRowLimit()).size(), "one row");
      equal(List.of("apple", "kiwi", "zebra"), rows(table, new Scan().addColumn(G, b("n"))), "one column");
    });
    step("scan with batches and versions", () -> {
      byte[] row = b("wide");
      Put put = new Put(row);
      for (int i = 0; i < 25; i++) put.addColumn(F, b(String.format("q%02d", i)), b("w" + i));
      table.put(put);
      int results = 0;
      int cells = 0;
      try (ResultScanner scanner = table.getScanner(
          new Scan().withStartRow(row).withStopRow(row, true).setBatch(10))) {
        for (Result part : scanner) {
          results++;
          cells += part.size();
        }
      }
      equal(3, results, "results of ten cells");
      equal(25, cells, "cells");
      try (ResultScanner scanner = table.getScanner(
          new Scan().withStartRow(b("versions")).withStopRow(b("versions"), true).readAllVersions())) {
        equal(3, scanner.next().size(), "versions");
      }
    });
  }

  static void async(Configuration conf) throws Exception {
    step("the asynchronous client: 2,000 puts and gets in flight", () -> {
      try (AsyncConnection connection = ConnectionFactory.createAsyncConnection(conf).get()) {
        AsyncTable<?> table = connection.getTable(NAME);
        List<java.util.concurrent.CompletableFuture<?>> pending = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
          pending.add(table.put(new Put(b(String.format("q-async-%05d", i))).addColumn(F, b("q"), b("a" + i))));
        }
        for (java.util.concurrent.CompletableFuture<?> put : pending) put.get();
        List<java.util.concurrent.CompletableFuture<Result>> gets = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) gets.add(table.get(new Get(b(String.format("q-async-%05d", i)))));
        for (int i = 0; i < 2_000; i++) equal("a" + i, text(gets.get(i).get(), F, "q"), "row " + i);
        equal(2_000, table.scanAll(new Scan().withStartRow(b("q-async-")).withStopRow(b("q-async.")))
            .get().size(), "scanned");
      }
    });
  }

  static void large(Table table) throws Exception {
    step("values of a megabyte", () -> {
      byte[] value = new byte[1 << 20];
      Arrays.fill(value, (byte) 'x');
      for (int i = 0; i < 5; i++) table.put(new Put(b("large" + i)).addColumn(F, b("q"), value));
      int seen = 0;
      try (ResultScanner scanner = table.getScanner(
          new Scan().withStartRow(b("large")).withStopRow(b("largf")))) {
        for (Result row : scanner) {
          check(Arrays.equals(value, row.getValue(F, b("q"))), "the value comes back whole");
          seen++;
        }
      }
      equal(5, seen, "large rows");
    });
    step("a cell over the limit is refused and the connection lives", () -> {
      refused(IOException.class, () -> table.put(
          new Put(b("too-large")).addColumn(F, b("q"), new byte[11 << 20])));
      check(table.get(new Get(b("too-large"))).isEmpty(), "nothing was written");
    });
  }

  static void flushed(Admin admin, Table table) throws Exception {
    step("flush and compact, with the same rows before and after", () -> {
      List<String> before = rows(table, new Scan());
      admin.flush(NAME);
      equal(before, rows(table, new Scan()), "after the flush");
      admin.majorCompact(NAME);
      equal(before, rows(table, new Scan()), "during or after the compaction");
      equal("value of kiwi", text(table.get(new Get(b("kiwi"))), F, "q"), "a get from a store file");
    });
  }

  static void ends(Admin admin, Table table) throws Exception {
    step("drop of an enabled table is refused", () -> refused(TableNotDisabledException.class,
        () -> admin.deleteTable(NAME)));
    step("disable", () -> {
      admin.disableTable(NAME);
      check(admin.isTableDisabled(NAME), "it is disabled");
      refused(TableNotEnabledException.class, () -> table.get(new Get(b("kiwi"))));
      refused(TableNotEnabledException.class, () -> admin.disableTable(NAME));
    });
    step("enable, with the data as it was", () -> {
      admin.enableTable(NAME);
      equal("value of kiwi", text(table.get(new Get(b("kiwi"))), F, "q"), "kiwi");
    });
    step("drop", () -> {
      admin.disableTable(NAME);
      admin.deleteTable(NAME);
      check(!admin.tableExists(NAME), "it is gone");
      refused(TableNotFoundException.class, () -> admin.enableTable(NAME));
    });
  }
}
