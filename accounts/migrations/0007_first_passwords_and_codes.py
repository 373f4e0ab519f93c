from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_attempt'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='must_change_password',
            field=models.BooleanField(default=False, help_text='Nobody is let in before. Set with each password that an administrator gives.', verbose_name='must choose a new password'),
        ),
        migrations.AlterField(
            model_name='attempt',
            name='outcome',
            field=models.CharField(choices=[('accepted', 'right password'), ('wrong', 'wrong password'), ('wrong_code', 'wrong code of the second factor'), ('unknown', 'unknown user name'), ('disabled', 'disabled account'), ('locked', 'locked after too many failures')], max_length=16, verbose_name='outcome'),
        ),
    ]
