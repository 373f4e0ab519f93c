"""Has the roll-ups by shift and keyed by what they count, and a list of shifts to be counted anew."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('scans', '0008_append_only'),
    ]

    operations = [
        # Its key becomes another one; it is made of the records again.
        migrations.DeleteModel('RollUp'),
        migrations.RemoveField('RollUpState', 'newest_scan_id'),
        migrations.RemoveField('RollUpState', 'newest_event_id'),
        migrations.CreateModel(
            name='Recount',
            fields=[
                ('pk', models.CompositePrimaryKey('day', 'shift', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('shift', models.PositiveSmallIntegerField()),
                ('hours', models.BigIntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ShiftRollUp',
            fields=[
                ('day', models.DateField()),
                ('shift', models.PositiveSmallIntegerField()),
                ('hour', models.SmallIntegerField()),
                ('station', models.CharField(db_collation='utf8mb4_bin', max_length=16)),
                ('operator', models.CharField(db_collation='utf8mb4_bin', max_length=16)),
                ('oc1', models.CharField(db_collation='utf8mb4_bin', max_length=8)),
                ('oc2', models.CharField(db_collation='utf8mb4_bin', max_length=8)),
                ('defect', models.CharField(db_collation='utf8mb4_bin', max_length=3)),
                ('scans', models.IntegerField()),
                ('firsts', models.IntegerField()),
                ('lasts', models.IntegerField()),
                ('again', models.IntegerField()),
                ('again_approved_first', models.IntegerField()),
                ('voided', models.IntegerField()),
                ('replaced', models.IntegerField()),
                ('skewed', models.IntegerField()),
                ('late', models.IntegerField()),
                ('level', models.PositiveSmallIntegerField()),
                ('pk', models.CompositePrimaryKey('level', 'day', 'shift', 'hour', 'station', 'operator', 'oc1', 'oc2', 'defect', blank=True, editable=False, primary_key=True, serialize=False)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RollUp',
            fields=[
                ('day', models.DateField()),
                ('shift', models.PositiveSmallIntegerField()),
                ('hour', models.SmallIntegerField()),
                ('station', models.CharField(db_collation='utf8mb4_bin', max_length=16)),
                ('operator', models.CharField(db_collation='utf8mb4_bin', max_length=16)),
                ('oc1', models.CharField(db_collation='utf8mb4_bin', max_length=8)),
                ('oc2', models.CharField(db_collation='utf8mb4_bin', max_length=8)),
                ('defect', models.CharField(db_collation='utf8mb4_bin', max_length=3)),
                ('scans', models.IntegerField()),
                ('firsts', models.IntegerField()),
                ('lasts', models.IntegerField()),
                ('again', models.IntegerField()),
                ('again_approved_first', models.IntegerField()),
                ('voided', models.IntegerField()),
                ('replaced', models.IntegerField()),
                ('skewed', models.IntegerField()),
                ('late', models.IntegerField()),
                ('pk', models.CompositePrimaryKey('day', 'shift', 'hour', 'station', 'operator', 'cp_base', 'oc1', 'oc2', 'defect', blank=True, editable=False, primary_key=True, serialize=False)),
                ('cp_base', models.CharField(db_collation='utf8mb4_bin', max_length=16)),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['cp_base'], name='rollup_order')],
            },
        ),
    ]
